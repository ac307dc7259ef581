import { assert, assertEquals } from "@std/assert";
import type { Connection } from "mysql2/promise";
import { type Appended, type NewMessage, StoreUnavailable } from "../../../server/stores/store.ts";
import type { Place } from "./cases.ts";

/** An entry that a node was asked to append, and what it said. */
export interface Sent {
  readonly node: number;
  readonly entry: NewMessage;
  readonly said: Appended | Error;
}

export interface Append {
  append(message: NewMessage): Promise<Appended>;
}

interface Row {
  readonly conv: string;
  readonly seq: number;
  readonly sender: number;
  readonly mid: string;
  readonly kind: string;
  readonly body: string;
  readonly ref: number | null;
}

/**
 * Throws unless what is stored agrees with what was said: numbers are 1, 2, 3, …; what was acknowledged is there as it was
 * sent, under the number that was said, each node's in its order; each (sender, mid) is there once. Then everything is
 * sent again, to the other node, and comes to the same entries; what was there has not moved.
 */
export async function judge(
  db: Connection,
  { places, sent, nodes }: { places: readonly Place[]; sent: readonly Sent[]; nodes: readonly Append[] },
): Promise<void> {
  const convs = places.map(({ conv }) => conv);
  const before = await stored(db, convs);
  checkNumbers(before);
  for (const { entry, said } of sent) checkAnswer(before, { entry, said });
  checkOrder(sent, convs);
  const again = await Promise.all(sent.map(async ({ node, entry }): Promise<Sent> => {
    const other = (node + 1) % nodes.length;
    return { node: other, entry, said: await nodes[other]!.append(entry) };
  }));
  const after = await stored(db, convs);
  checkNumbers(after);
  assertEquals(
    after.filter(({ conv, seq }) => before.some((row) => row.conv === conv && row.seq === seq)).map(nameOf),
    before.map(nameOf),
  );
  for (const rows of [before, after]) checkTexts(rows);
  for (const { entry, said } of again) {
    checkAnswer(after, { entry, said });
    assert(!(said instanceof Error), `${entry.mid} is refused when it is sent again`);
    const was = before.find(isOf(entry));
    if (was) assertEquals("stored" in said && [said.stored.seq, said.fresh], [was.seq, false], "sent again");
    // Meanwhile somebody may have answered what this was to answer.
    if ("refused" in said) continue;
    assertEquals(after.filter(isOf(entry)).length, 1, `${entry.mid} is there once in the end`);
  }
  for (const place of places) await checkPeople(db, { place, rows: after });
}

/**
 * Throws unless what each node has stored of a conversation is in the order in which it was asked for. What another one
 * had stored before is where that one put it.
 */
export function checkOrder(sent: readonly Sent[], convs: readonly string[]): void {
  for (const ofNode of Map.groupBy(sent, ({ node }) => node).values()) {
    for (const conv of convs) {
      const seqs = ofNode.filter(({ entry }) => entry.conv === conv)
        .flatMap(({ said }) => "stored" in said && said.fresh ? [said.stored.seq] : []);
      assertEquals(seqs, seqs.toSorted((a, b) => a - b), "in the order in which they were sent");
    }
  }
}

/** An entry, as far as its text is concerned. */
type Text = Pick<Row, "conv" | "seq" | "kind" | "body"> & {
  readonly mid: string | null;
  readonly ref?: number | null | undefined;
};

/** What never changes of an entry. */
export const nameOf = <T extends { readonly body: string }>({ body: _, ...row }: T) => row;

/** Throws unless a text is that of its newest edit, and gone if it was recalled, from its edits as well. */
export function checkTexts(rows: readonly Text[]): void {
  const about = (recalled: Text) =>
    rows.filter(({ conv, ref }) => conv === recalled.conv && ref === recalled.seq);
  for (const row of rows.filter(({ kind }) => kind === "chat")) {
    const amendments = about(row).filter(({ kind }) => kind !== "chat");
    const edits = amendments.filter(({ kind }) => kind === "edit");
    const recall = amendments.find(({ kind }) => kind === "recall");
    const name = `${row.mid} of ${row.conv}`;
    if (recall === undefined) {
      const newest = edits.at(-1);
      if (newest) assertEquals(row.body, newest.body, `${name} has the text of its newest edit`);
      continue;
    }
    assertEquals(
      [row, ...edits].map(({ body }) => body),
      ["", ...edits.map(() => "")],
      `${name} was recalled`,
    );
    assertEquals(amendments.at(-1), recall, `${name} is not amended after its recall`);
  }
}

const isOf = ({ sender, mid }: NewMessage) => (row: Row) => row.sender === sender && row.mid === mid;

async function stored(db: Connection, convs: readonly string[]): Promise<Row[]> {
  const [rows] = await db.query(
    "SELECT conv, seq, sender, mid, kind, body, ref FROM message WHERE conv IN (?) ORDER BY conv, seq",
    [convs],
  );
  return (rows as Row[]).map((row) => ({ ...row }));
}

function checkNumbers(rows: readonly Row[]): void {
  for (const ofConv of Map.groupBy(rows, ({ conv }) => conv).values()) {
    assertEquals(ofConv.map(({ seq }) => seq), ofConv.map((_, i) => i + 1), "numbers without holes");
  }
  const keys = rows.map(({ sender, mid }) => `${sender} ${mid}`);
  assertEquals(keys.length, new Set(keys).size, `each sender and mid once: ${keys.join(", ")}`);
}

function checkAnswer(rows: readonly Row[], { entry, said }: Pick<Sent, "entry" | "said">): void {
  const { conv, sender, mid, kind, ref = null } = entry;
  const row = rows.find(isOf(entry));
  if (said instanceof Error) {
    assert(said instanceof StoreUnavailable, `${mid} is refused with ${said.stack}`);
  } else if ("stored" in said) {
    const { seq } = said.stored;
    // The texts of what can be edited are looked at together.
    const isAmended = kind === "edit" || rows.some((other) => other.conv === conv && other.ref === seq);
    const body = isAmended ? row?.body ?? "" : entry.body;
    assertEquals(row, { conv, seq, sender, mid: mid!, kind, body, ref }, `${mid} is acknowledged as ${seq}`);
    assertEquals([said.stored.conv, said.stored.sender, said.stored.mid], [conv, sender, mid]);
  } else {
    assert(kind !== "chat", `${mid} is refused: ${said.refused}`);
  }
}

/** Whether the people know of their conversation, and are friends as its entries say. */
async function checkPeople(
  db: Connection,
  { place, rows }: { place: Place; rows: readonly Row[] },
): Promise<void> {
  const { conv, users, group } = place;
  const here = rows.filter((row) => row.conv === conv);
  if (group !== undefined) return await checkMember(db, { place, rows: here });
  if (here.length === 0) return;
  const [known] = await db.query("SELECT userid FROM progress WHERE conv = ? ORDER BY userid", [conv]);
  assertEquals((known as { userid: number }[]).map(({ userid }) => userid), users.toSorted((a, b) => a - b));
  const steps = here.filter(({ kind }) => kind === "request" || kind === "accept" || kind === "refuse");
  if (steps.length === 0) return;
  const [friends, asked] = [new Set<string>(), new Set<string>()];
  for (const { sender, mid, kind } of steps) {
    const other = users.find((user) => user !== sender)!;
    const [mine, theirs] = [`${sender} ${other}`, `${other} ${sender}`];
    if (kind === "request") {
      assert(!friends.has(mine) && !asked.has(mine), `${mid} asks for what is asked for already`);
      asked.add(mine);
    } else {
      assert(asked.delete(theirs), `${mid} answers what nobody has asked for`);
      if (kind === "refuse") continue;
      asked.delete(mine);
      for (const pair of [mine, theirs]) friends.add(pair);
    }
  }
  const table = async (name: string) => {
    const [found] = await db.query(
      `SELECT userid, friendid FROM ${name} WHERE userid IN (?) AND friendid IN (?)`,
      [users, users],
    );
    return new Set(
      (found as { userid: number; friendid: number }[]).map((row) => `${row.userid} ${row.friendid}`),
    );
  };
  assertEquals([await table("friend"), await table("friendrequest")], [friends, asked], "as the log says");
}

/** Whether the second person, if a member now, sees what they said. */
async function checkMember(
  db: Connection,
  { place, rows }: { place: Place; rows: readonly Row[] },
): Promise<void> {
  const { conv, users } = place;
  const [found] = await db.query("SELECT joined FROM progress WHERE conv = ? AND userid = ?", [
    conv,
    users[1],
  ]);
  const [member] = found as { joined: number }[];
  const own = rows.find(({ sender }) => sender === users[1]);
  if (member && own) assert(member.joined < own.seq, `joined at ${member.joined}, said ${own.seq}`);
}
