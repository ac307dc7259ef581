import { assertEquals, assertRejects } from "@std/assert";
import { StoreUnavailable } from "../store.ts";
import { Lanes } from "./lanes.ts";

interface Item {
  readonly conv: string;
  readonly n: number;
}

/** Work that waits until the test lets it go on. */
function bench(atOnce: number) {
  const begun: string[] = [];
  const open = new Map<string, PromiseWithResolvers<void>>();
  const lanes = new Lanes<Item, number>(async (items) => {
    const name = `${items[0]!.conv}:${items.map(({ n }) => n)}`;
    begun.push(name);
    const gate = Promise.withResolvers<void>();
    open.set(name, gate);
    await gate.promise;
    return items.map(({ n }) => n < 0 ? new Error(`no ${n}`) : n === 0 ? new StoreUnavailable("away") : n);
  }, { atOnce });
  return { lanes, begun, finish: (name: string) => open.get(name)!.resolve() };
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("lanes: one after the other in a lane, what waits goes together, several lanes at once", async () => {
  const { lanes, begun, finish } = bench(2);
  const results = [1, 2, 3].map((n) => lanes.add({ conv: "a", n }));
  results.push(lanes.add({ conv: "b", n: 4 }), lanes.add({ conv: "c", n: 5 }));
  assertEquals(begun, ["a:1", "b:4"]);
  finish("b:4");
  await turn();
  assertEquals(begun, ["a:1", "b:4", "c:5"]);
  finish("a:1");
  await turn();
  assertEquals(begun.at(-1), "a:2,3");
  assertEquals([lanes.has("a"), lanes.has("b")], [true, false]);
  finish("a:2,3");
  finish("c:5");
  assertEquals(await Promise.all(results), [1, 2, 3, 4, 5]);
  await lanes.drain();
  assertEquals(lanes.has("a"), false);
});

Deno.test("lanes: each entry has its own result", async () => {
  const { lanes, finish } = bench(1);
  const first = lanes.add({ conv: "a", n: 1 });
  const bad = lanes.add({ conv: "a", n: -2 });
  const good = lanes.add({ conv: "a", n: 3 });
  finish("a:1");
  await first;
  await turn();
  finish("a:-2,3");
  await assertRejects(() => bad, Error, "no -2");
  assertEquals(await good, 3);
});

Deno.test("lanes: work that fails as a whole refuses its entries and nothing else", async () => {
  let calls = 0;
  const lanes = new Lanes<Item, number>((items) => {
    if (++calls === 1) throw new Error("broken");
    return Promise.resolve(items.map(({ n }) => n));
  }, { atOnce: 1 });
  const first = lanes.add({ conv: "a", n: 1 });
  const second = lanes.add({ conv: "a", n: 2 });
  await assertRejects(() => first, Error, "broken");
  assertEquals(await second, 2);
});

Deno.test("lanes: what follows does not overtake what could not be stored just now", async () => {
  const { lanes, begun, finish } = bench(1);
  const results = [0, 1, 2].map((n) => lanes.add({ conv: "a", n }));
  const other = lanes.add({ conv: "b", n: 3 });
  finish("a:0");
  for (const result of results) await assertRejects(() => result, StoreUnavailable, "away");
  finish("b:3");
  assertEquals([await other, begun, lanes.has("a")], [3, ["a:0", "b:3"], false]);
});
