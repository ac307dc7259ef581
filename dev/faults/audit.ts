import { eventually } from "./recovery.ts";
import { GHOST } from "./ledger.ts";
import type { World } from "./world.ts";

/** Everybody has half of the suite's patience to get what they miss, with nothing broken. */
const settleWithin = ({ patience }: World) => patience / 2;
/** And once they have logged in again so much. */
const catchUpWithin = ({ patience }: World) => patience / 6;

/** A message as it is stored. */
interface Stored {
  readonly conv: string;
  readonly seq: number;
  readonly sender: number;
  readonly mid: string;
}

/**
 * The end of a run. Nothing is broken any more and nobody writes: everything is given time to arrive, and then what was
 * acknowledged, what is stored and what was shown are compared.
 */
export async function audit(world: World, say: (line: string) => void): Promise<void> {
  const { crowd } = world;
  crowd.hush();
  await eventually(
    settleWithin(world),
    () => crowd.clients.every(({ ready, unsent }) => ready && unsent === 0),
  );
  checkAnswered(world);
  const stored = await readMessages(world);
  say(`${stored.length} messages are stored; everybody is given time to see what they have not seen`);
  checkNumbers(world, stored);
  checkAcknowledged(world, stored);
  await checkShown(world, stored);
  say("counted");
}

async function readMessages({ db }: World): Promise<Stored[]> {
  const text = await db.sql("SELECT conv, seq, sender, mid FROM message ORDER BY conv, seq", {
    database: "chat",
  });
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const [conv = "", seq, sender, mid = ""] = line.split("\t");
    return { conv, seq: Number(seq), sender: Number(sender), mid };
  });
}

function checkAnswered({ crowd, ledger, score }: World): void {
  for (const client of crowd.clients) {
    for (const mid of client.waiting()) {
      const { conv = "", at = 0 } = ledger.get(mid) ?? {};
      const where = `user ${client.id}, ${client.ready ? "logged in" : "not logged in"}, waits for its ack`;
      score.violate({ flaw: "unanswered", conv, seq: undefined, mid, where }, at);
    }
  }
}

/** Numbers from 1 without holes, each (sender, mid) once, each sender in order. */
function checkNumbers({ ledger, score }: World, stored: readonly Stored[]): void {
  const places = new Map<string, Stored>();
  const newest = new Map<string, { n: number; mid: string }>();
  let before: Stored | undefined;
  for (const message of stored) {
    const { conv, seq, sender, mid } = message;
    const expected = before?.conv === conv ? before.seq + 1 : 1;
    if (seq !== expected) {
      const where = `the database has no number ${expected} before it`;
      score.violate({ flaw: "missing", conv, seq, mid, where });
    }
    before = message;
    const written = ledger.get(mid);
    const first = places.get(`${sender} ${mid}`);
    places.set(`${sender} ${mid}`, message);
    if (first) {
      const where = `stored as number ${first.seq} of ${first.conv} as well`;
      score.violate({ flaw: "shown twice", conv, seq, mid, where }, written?.at);
      continue;
    }
    if (!written) {
      const flaw = mid.startsWith(GHOST) ? "served on" : "damaged";
      score.violate({
        flaw,
        conv,
        seq,
        mid,
        where: "stored, but nobody wrote it in a session that was theirs",
      });
      continue;
    }
    const last = newest.get(`${sender} ${conv}`);
    if (last && written.n < last.n) {
      const where = `stored after ${last.mid}, which its sender wrote later`;
      score.violate({ flaw: "out of order", conv, seq, mid, where }, written.at);
    } else {
      newest.set(`${sender} ${conv}`, { n: written.n, mid });
    }
  }
}

function checkAcknowledged({ ledger, score }: World, stored: readonly Stored[]): void {
  const byPlace = new Map(stored.map((message) => [`${message.conv} ${message.seq}`, message]));
  for (const { mid, conv, seq, at } of ledger.all()) {
    if (seq === undefined) continue;
    const there = byPlace.get(`${conv} ${seq}`);
    if (there?.mid === mid) continue;
    const where = there
      ? `acknowledged, but the database has ${there.mid} under that number`
      : "acknowledged, but not in the database";
    score.violate({ flaw: "missing", conv, seq, mid, where }, at);
  }
}

/** Whoever may read a conversation has been shown all of it, without having to log in again. */
async function checkShown(world: World, stored: readonly Stored[]): Promise<void> {
  const { crowd, score, ledger } = world;
  const last = new Map(stored.map(({ conv, seq }) => [conv, seq]));
  const wanting = () =>
    [...last].flatMap(([conv, seq]) =>
      crowd.readers(conv).filter((reader) => (crowd.get(reader)?.seen.top(conv) ?? 0) < seq)
        .map((reader) => ({ conv, reader }))
    );
  if (await eventually(settleWithin(world), () => wanting().length === 0)) return;
  const mids = new Map(stored.map(({ conv, seq, mid }) => [`${conv} ${seq}`, mid]));
  const missing = wanting().flatMap(({ conv, reader }) =>
    (crowd.get(reader)?.seen.missing(conv, last.get(conv) ?? 0) ?? []).map((seq) => ({ conv, reader, seq }))
  );
  // Whether it is lost for good, or only nobody tells them.
  for (const reader of new Set(missing.map(({ reader }) => reader))) crowd.get(reader)?.leave();
  await eventually(catchUpWithin(world), () => wanting().length === 0);
  for (const { conv, reader, seq } of missing) {
    const mid = mids.get(`${conv} ${seq}`) ?? "";
    const still = (crowd.get(reader)?.seen.missing(conv, seq) ?? []).includes(seq);
    const where = `stored, but not shown to user ${reader}${still ? "" : " until a new login"}`;
    score.violate({ flaw: "missing", conv, seq, mid, where }, ledger.get(mid)?.at);
  }
}
