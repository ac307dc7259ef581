import { assertEquals, assertRejects } from "@std/assert";
import { byKey, Lookup } from "./lookup.ts";
import { StoreUnavailable } from "./store.ts";

/** A query that notes what it was asked, and answers when it is told to. */
function setUp(options: { most: number }) {
  const queries: (readonly number[])[] = [];
  const answers: PromiseWithResolvers<void>[] = [];
  const lookup = new Lookup<number, string>(async (keys) => {
    queries.push(keys);
    answers.push(Promise.withResolvers());
    await answers.at(-1)!.promise;
    return new Map(keys.filter((key) => key > 0).map((key) => [key, `value ${key}`]));
  }, options);
  const turn = () => new Promise<void>((resolve) => setTimeout(resolve));
  return { lookup, queries, answers, turn };
}

Deno.test("lookup: what is asked for in one turn goes together, the same key once, each with its own answer", async () => {
  const { lookup, queries, answers, turn } = setUp({ most: 10 });
  const asked = [1, 2, -3, 1].map((key) => lookup.get(key));
  await turn();
  assertEquals(queries, [[1, 2, -3]]);
  answers[0]!.resolve();
  assertEquals(await Promise.all(asked), ["value 1", "value 2", undefined, "value 1"]);
});

Deno.test("lookup: a question that comes while a query is on its way is not answered by that query", async () => {
  const { lookup, queries, answers, turn } = setUp({ most: 10 });
  const first = lookup.get(1);
  await turn();
  const second = lookup.get(1);
  answers[0]!.resolve();
  await turn();
  assertEquals(queries, [[1], [1]]);
  answers[1]!.resolve();
  assertEquals(await Promise.all([first, second]), ["value 1", "value 1"]);
});

Deno.test("lookup: a query has no more keys than its bound, and one is under way at a time", async () => {
  const { lookup, queries, answers, turn } = setUp({ most: 2 });
  const first = [1, 2, 3].map((key) => lookup.get(key));
  await turn();
  const others = [4, 5].map((key) => lookup.get(key));
  await turn();
  assertEquals(queries, [[1, 2]]);
  for (const expected of [[[1, 2], [3, 4]], [[1, 2], [3, 4], [5]]]) {
    answers.at(-1)!.resolve();
    await turn();
    assertEquals(queries, expected);
  }
  answers.at(-1)!.resolve();
  await Promise.all([...first, ...others]);
});

Deno.test("lookup: a store that is away is away for everybody who asks", async () => {
  let queries = 0;
  const lookup = new Lookup<number, string>(() => {
    queries++;
    return Promise.reject(new StoreUnavailable("away"));
  }, { most: 10 });
  const asked = [1, 2, 3].map((key) => assertRejects(() => lookup.get(key), StoreUnavailable));
  await Promise.all(asked);
  assertEquals(queries, 1);
});

Deno.test("byKey: rows of a key keep their order", () => {
  const rows = [[1, "a"], [2, "b"], [1, "c"]] as const;
  assertEquals([...byKey(rows, ([key]) => key)], [[1, [rows[0], rows[2]]], [2, [rows[1]]]]);
});
