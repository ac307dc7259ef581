import { assert, assertEquals } from "@std/assert";
import { Random } from "../faults/random.ts";
import { type Operation, SECTOR } from "./disk.ts";
import type { Event } from "./events.ts";
import { type Failure, failures } from "./moments.ts";

const FILE = "/data/log";
/** Longer than a sector, so that it can be torn. */
const RECORD = 2 * SECTOR;

type Part = "write" | "sync" | "acknowledge";

/** A tiny database: message n is record n of a file. `parts` is what it does for each message, in this order. */
function tinyDatabase(parts: readonly Part[]): Event[] {
  const events: Event[] = [];
  const run = (operation: Operation) => events.push({ kind: "begin", operation }, { kind: "end", operation });
  run({ kind: "create", path: FILE });
  run({ kind: "sync", path: "/data" });
  for (let seq = 1; seq <= 20; seq++) {
    const data = new Uint8Array(RECORD).fill(seq);
    for (const part of parts) {
      if (part === "write") run({ kind: "write", path: FILE, offset: (seq - 1) * RECORD, data });
      else if (part === "sync") run({ kind: "sync", path: FILE });
      else events.push({ kind: "acknowledged", message: { mid: `m${seq}`, conv: "g1", seq } });
    }
  }
  return events;
}

/** How many acknowledged messages are not there. */
function lostAt({ remains, acknowledged }: Failure): number {
  const bytes = remains.files.get(FILE) ?? new Uint8Array(0);
  return acknowledged.filter(({ seq }) => {
    const record = bytes.subarray((seq - 1) * RECORD, seq * RECORD);
    return record.length < RECORD || !record.every((byte) => byte === seq);
  }).length;
}

function lost(parts: readonly Part[], options: { ignoreSyncs?: boolean } = {}): number {
  const random = new Random(7);
  let lost = 0;
  for (const failure of failures(tinyDatabase(parts), { moments: 300, random, ...options })) {
    lost += lostAt(failure);
  }
  return lost;
}

Deno.test("power failures: a database that syncs before it acknowledges loses nothing", () => {
  assertEquals(lost(["write", "sync", "acknowledge"]), 0);
});

Deno.test("power failures: each way of not syncing in time is found", () => {
  assert(lost(["write", "acknowledge"]) > 0, "no fsync");
  assert(lost(["write", "sync", "acknowledge"], { ignoreSyncs: true }) > 0, "an fsync that does nothing");
  assert(lost(["write", "acknowledge", "sync"]) > 0, "acknowledged before fsync");
  assert(lost(["sync", "write", "acknowledge"]) > 0, "fsync before the write");
});

Deno.test("power failures: the same seed gives the same moments and the same files", () => {
  const all = () => [
    ...failures(tinyDatabase(["write", "sync", "acknowledge"]), { moments: 30, random: new Random(3) }),
  ];
  const [one, other] = [all(), all()];
  assertEquals(one, other);
  assertEquals(one.length, 30);
  assert(one.some(({ acknowledged }) => acknowledged.length === 0), "some are before the first message");
  assert(one.some(({ acknowledged }) => acknowledged.length > 10), "most are under load");
});
