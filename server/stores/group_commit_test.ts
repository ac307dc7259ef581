import { assertEquals, assertRejects } from "@std/assert";
import { GroupCommit } from "./group_commit.ts";
import { Slots } from "./slots.ts";
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

Deno.test("group commit: an entry that cannot be stored is a result; a batch that fails, fails as a whole", async () => {
  const commits = new GroupCommit<number, number>((batch) => {
    if (batch.includes(0)) throw new TypeError("zero");
    return batch.map((n) => n === 2 ? Promise.reject(new TypeError("two")) : n);
  }, { entries: 3, size: 100, sizeOf: () => 1 });
  const results = await Promise.allSettled([1, 2, 3, 0, 5, 6].map((n) => commits.add(n)));
  assertEquals(results.map(({ status }) => status === "fulfilled"), [true, false, true, false, false, false]);
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

Deno.test("group commit: who waits for a slot that another one has takes what comes in until then", async () => {
  const slots = new Slots(1);
  const limits = { entries: 10, size: 10, sizeOf: () => 1, slots };
  const batches: string[] = [];
  const answers: PromiseWithResolvers<void>[] = [];
  const [numbers, letters] = ["number", "letter"].map((kind) =>
    new GroupCommit<string, string>(async (batch) => {
      batches.push(`${kind} ${batch.join("")}`);
      answers.push(Promise.withResolvers());
      await answers.at(-1)!.promise;
      return batch;
    }, limits)
  );
  const turn = () => new Promise<void>((resolve) => setTimeout(resolve));
  const results = [numbers!.add("1")];
  await turn();
  for (const letter of ["a", "b"]) {
    results.push(letters!.add(letter));
    await turn();
  }
  results.push(numbers!.add("2"));
  await turn();
  assertEquals(batches, ["number 1"]);
  // In the order in which they asked for the slot.
  for (const expected of ["letter ab", "number 2"]) {
    answers.at(-1)!.resolve();
    await turn();
    assertEquals(batches.at(-1), expected);
  }
  answers.at(-1)!.reject(new StoreUnavailable("away"));
  const [last] = (await Promise.allSettled(results)).slice(-1);
  assertEquals(last!.status, "rejected");
  await slots.enter();
});
