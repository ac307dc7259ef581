import { assertEquals } from "@std/assert";
import type { CursorMove, LogStore } from "../stores/store.ts";
import { Cursors } from "./cursors.ts";
import { system } from "../system.ts";

Deno.test("cursors: moves of an interval are one row for each conversation; a failed write is tried again", async () => {
  const writes: CursorMove[][] = [];
  const errors: unknown[] = [];
  let failures = 1;
  const log = {
    moveCursors(moves: readonly CursorMove[]) {
      if (failures-- > 0) return Promise.reject(new Error("away"));
      writes.push([...moves]);
      return Promise.resolve();
    },
  } as unknown as LogStore;
  const cursors = new Cursors(log, {
    interval: 100_000,
    after: system.after,
    onError: (error) => errors.push(error),
  });
  for (const delivered of [1, 3, 2]) cursors.mark({ user: 1, conv: "u1-2", delivered });
  cursors.mark({ user: 1, conv: "u1-2", read: 2 });
  await cursors.flush();
  assertEquals([writes.length, errors.length], [0, 1]);
  cursors.mark({ user: 2, conv: "u1-2", delivered: 1 });
  await cursors.close();
  assertEquals(writes, [[{ user: 1, conv: "u1-2", delivered: 3, read: 2 }, {
    user: 2,
    conv: "u1-2",
    delivered: 1,
  }]]);
});
