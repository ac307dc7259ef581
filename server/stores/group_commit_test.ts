import { assertEquals, assertRejects } from "@std/assert";
import { GroupCommit } from "./group_commit.ts";
import { StoreUnavailable } from "./store.ts";

Deno.test("group commit: what comes in during a commit goes together, in order", async () => {
  const batches: number[][] = [];
  const gate = Promise.withResolvers<void>();
  const commits = new GroupCommit<number, number>(async (batch) => {
    batches.push([...batch]);
    if (batches.length === 1) await gate.promise;
    return batch.map((n) => n * 10);
  }, { entries: 3, size: 100, sizeOf: () => 1 });
  const results = [commits.add(1)];
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  for (const n of [2, 3, 4, 5]) results.push(commits.add(n));
  gate.resolve();
  assertEquals(await Promise.all(results), [10, 20, 30, 40, 50]);
  assertEquals(batches, [[1], [2, 3, 4], [5]]);
  await commits.drain();
});

Deno.test("group commit: a bad entry fails alone", async () => {
  const commits = new GroupCommit<number, number>((batch) => {
    if (batch.includes(2)) throw new TypeError("two");
    return batch;
  }, { entries: 10, size: 100, sizeOf: () => 1 });
  const results = await Promise.allSettled([1, 2, 3].map((n) => commits.add(n)));
  assertEquals(results.map((result) => result.status), ["fulfilled", "rejected", "fulfilled"]);
});

Deno.test("group commit: a store that cannot be reached is asked once for the whole batch", async () => {
  let calls = 0;
  const commits = new GroupCommit<number, number>(() => {
    calls++;
    throw new StoreUnavailable("away");
  }, { entries: 10, size: 100, sizeOf: () => 1 });
  await Promise.all([1, 2, 3].map((n) => assertRejects(() => commits.add(n), StoreUnavailable)));
  assertEquals(calls, 1);
});

Deno.test("group commit: a batch is bounded by size as well; what is larger goes alone", async () => {
  const batches: number[][] = [];
  const commits = new GroupCommit<number, number>((batch) => {
    batches.push([...batch]);
    return batch;
  }, { entries: 10, size: 10, sizeOf: (n) => n });
  await Promise.all([4, 6, 1, 50, 9, 1, 1].map((n) => commits.add(n)));
  assertEquals(batches, [[4, 6], [1], [50], [9, 1], [1]]);
});

Deno.test("group commit: with two batches under way nothing overtakes entries that are tried one by one", async () => {
  const done: number[] = [];
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  const commits = new GroupCommit<number, number>(async (batch) => {
    await turn();
    if (batch.length > 1 && batch.includes(2)) throw new TypeError("two");
    if (batch[0] === 2) throw new TypeError("two");
    done.push(...batch);
    return [...batch];
  }, { entries: 3, size: 100, sizeOf: () => 1, depth: 2 });
  const results: Promise<number>[] = [];
  const add = (n: number) => {
    const result = commits.add(n);
    result.catch(() => "looked at below");
    results.push(result);
  };
  for (const n of [1, 2, 3]) add(n);
  // Meanwhile the second loop starts, and would have something to take.
  for (let n = 4; n <= 9; n++) {
    await turn();
    add(n);
  }
  const states = (await Promise.allSettled(results)).map(({ status }) => status === "fulfilled");
  assertEquals(states, [true, false, ...Array(7).fill(true)]);
  // Only what was under way already may come before the last of them.
  const before = done.slice(0, done.indexOf(3));
  assertEquals(before.filter((n) => n > 4), [], `${done}`);
});
