import { DatabaseSync } from "node:sqlite";
import { parseConv, peerOf } from "../../server/protocol/conversation.ts";
import { openSqlite } from "../../server/stores/sqlite/open.ts";
import type { Store } from "../../server/stores/store.ts";
import { compare, type Expected, type Found, type Verdict } from "./check.ts";
import type { Acknowledged } from "./events.ts";

const PAGE = 1000;
/** So many of the newest acknowledged messages are sent again. */
const RESENT = 5;

/** Opens a database as the server does, in this process, and looks whether everything is there. */
export async function checkStore(path: string, expected: Expected): Promise<Verdict> {
  const flaws: string[] = [];
  let store: Store;
  try {
    store = await openSqlite({
      ...{ path, durability: "full" },
      onReport: ({ level, message }) => {
        if (level === "warn") flaws.push(`the store says: ${message}`);
      },
    });
  } catch (error) {
    return { lost: expected.acknowledged.length, flaws: [`cannot be opened: ${messageOf(error)}`] };
  }
  let lost: number;
  try {
    const verdict = compare(await readAll(store, { expected, flaws }), expected);
    flaws.push(...verdict.flaws);
    lost = verdict.lost;
    if (lost === 0) flaws.push(...await sendAgain(store, expected));
  } catch (error) {
    return { lost: expected.acknowledged.length, flaws: [`cannot be read: ${messageOf(error)}`] };
  } finally {
    await store.close();
  }
  return { lost, flaws: [...flaws, ...integrity(path)] };
}

/** Every message of every conversation that somebody is in. */
async function readAll(
  store: Store,
  { expected, flaws }: { expected: Expected; flaws: string[] },
): Promise<Found[]> {
  const newest = new Map<string, number>();
  for (const { id } of expected.people) {
    for (const { conv, seq } of await store.log.conversations(id)) newest.set(conv, seq);
  }
  const found: Found[] = [];
  for (const [conv, seq] of newest) {
    let after = 0;
    for (let page; (page = await store.log.read({ conv, after, limit: PAGE })).length > 0;) {
      for (const { body, ...message } of page) found.push({ ...message, text: JSON.parse(body) });
      after = page.at(-1)!.seq;
    }
    if (after !== seq) flaws.push(`${conv} ends with message ${after}, but should with ${seq}`);
  }
  return found;
}

/** Clients send again what they know to be stored: it must be recognised. And new messages get the next number. */
async function sendAgain(store: Store, { acknowledged, people }: Expected): Promise<string[]> {
  const flaws: string[] = [];
  for (const { conv, seq, mid } of acknowledged.slice(-RESENT)) {
    const again = await store.log.append(message(conv, mid));
    const isKnown = "stored" in again && !again.fresh && again.stored.seq === seq;
    if (!isKnown) flaws.push(`${conv} ${seq}: ${mid} was sent again and not recognised`);
  }
  for (const { id } of people.slice(0, 1)) {
    for (const { conv, seq } of await store.log.conversations(id)) {
      const next = await store.log.append(message(conv, `${id}-after`));
      const isNext = "stored" in next && next.fresh && next.stored.seq === seq + 1;
      if (!isNext) flaws.push(`${conv}: the message after ${seq} did not become ${seq + 1}`);
      break;
    }
  }
  return flaws;
}

function message(conv: string, mid: Acknowledged["mid"]) {
  const sender = Number(mid.split("-")[0]);
  const about = parseConv(conv);
  const to = about?.kind === "pair" ? peerOf(about, sender) : undefined;
  return { conv, kind: "chat", sender, senderName: "", to, mid, body: '"again"' } as const;
}

function integrity(path: string): string[] {
  const db = new DatabaseSync(path);
  try {
    return db.prepare("PRAGMA integrity_check").all().map(({ integrity_check }) => String(integrity_check))
      .filter((line) => line !== "ok").map((line) => `integrity_check: ${line}`);
  } finally {
    db.close();
  }
}

const messageOf = (error: unknown) => error instanceof Error ? error.message : String(error);
