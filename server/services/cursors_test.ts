import { assertEquals } from "@std/assert";
import { type CursorMove, type LogStore, StoreUnavailable } from "../stores/store.ts";
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
      return Promise.resolve([]);
    },
  } as unknown as LogStore;
  const cursors = new Cursors(log, {
    interval: 100_000,
    after: system.after,
    onError: (error) => errors.push(error),
  });
  for (const delivered of [1, 3, 2]) cursors.mark({ user: 1, device: "", conv: "u1-2", delivered });
  cursors.mark({ user: 1, device: "", conv: "u1-2", read: 2 });
  await cursors.flush();
  assertEquals([writes.length, errors.length], [0, 1]);
  cursors.mark({ user: 2, device: "", conv: "u1-2", delivered: 1 });
  await cursors.close();
  assertEquals(writes, [[{ user: 1, device: "", conv: "u1-2", delivered: 3, read: 2 }, {
    user: 2,
    device: "",
    conv: "u1-2",
    delivered: 1,
  }]]);
});

Deno.test("cursors: however many wait for the writing, one write follows the one that is under way", async () => {
  const writes: (() => void)[] = [];
  const log = {
    moveCursors: () => new Promise<[]>((resolve) => writes.push(() => resolve([]))),
  } as unknown as LogStore;
  const cursors = new Cursors(log, { interval: 100_000, after: system.after, onError: () => {} });
  const mark = (delivered: number) => cursors.mark({ user: 1, device: "", conv: "u1-2", delivered });
  mark(1);
  const flushes = [cursors.flush()];
  await new Promise((resolve) => setTimeout(resolve));
  for (let n = 2; n <= 10; n++) {
    mark(n);
    flushes.push(cursors.flush());
  }
  writes[0]!();
  await new Promise((resolve) => setTimeout(resolve));
  writes[1]!();
  await Promise.all(flushes);
  assertEquals(writes.length, 2);
});

Deno.test("cursors: I12: what an older log's write brings back is not written to the new one", async () => {
  const written: CursorMove[] = [];
  const failing = Promise.withResolvers<void>();
  let isFirst = true;
  const log = {
    moveCursors: (moves: readonly CursorMove[]) => {
      if (!isFirst) written.push(...moves);
      return isFirst ? (isFirst = false, failing.promise) : Promise.resolve([]);
    },
  } as unknown as LogStore;
  const cursors = new Cursors(log, { interval: 1, after: system.after, onError: () => {} });
  cursors.mark({ user: 1, device: "", conv: "u1-2", delivered: 100 });
  const flushing = cursors.flush();
  await new Promise((resolve) => setTimeout(resolve));
  cursors.forget();
  failing.reject(new StoreUnavailable("no answer in time"));
  await flushing;
  cursors.mark({ user: 1, device: "", conv: "u1-2", delivered: 2 });
  await cursors.close();
  assertEquals(written, [{ user: 1, device: "", conv: "u1-2", delivered: 2 }]);
});

Deno.test("cursors: who waits for a user's moves waits for no others, nor for rows that somebody has locked", async () => {
  const writes: string[] = [];
  const timers: { ms: number; run: () => void }[] = [];
  let isLocked = true;
  let letGo = Promise.withResolvers<void>();
  const log = {
    async moveCursors(moves: readonly CursorMove[]) {
      writes.push(moves.map(({ user, delivered }) => `${user}:${delivered}`).join(" "));
      const locked = isLocked ? moves.filter(({ user }) => user === 1) : [];
      // The database waits for the lock.
      if (locked.length > 0) await letGo.promise;
      return locked;
    },
  };
  const cursors = new Cursors(log, {
    interval: 500,
    after: (ms, run) => {
      const timer = { ms, run };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), 1);
    },
    onError: (error) => {
      throw error;
    },
  });
  const move = (user: number, delivered: number) =>
    cursors.mark({ user, device: "", conv: "u1-2", delivered, read: 0 });

  move(1, 1);
  const stuck = cursors.flush();
  await cursors.settle(2);
  assertEquals(writes, ["1:1"], "nobody waits who has no moves");

  move(2, 1);
  const both = Array.from({ length: 10 }, () => cursors.settle(2));
  letGo.resolve();
  await Promise.all([stuck, ...both]);
  assertEquals(
    writes,
    ["1:1", "2:1"],
    "all who wait wait for one write, and that one is without the locked row",
  );

  move(1, 2);
  move(2, 2);
  letGo = Promise.withResolvers();
  await cursors.settle(2);
  assertEquals(writes.splice(0), ["1:1", "2:1", "2:2"]);

  isLocked = false;
  timers.find(({ ms }) => ms > 500)!.run();
  await cursors.flush();
  assertEquals(writes, ["1:2"], "tried again apart, with the newest number");
  await cursors.close();
});
