import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Action, Astray, Explorer, ordersLike } from "./explorer.ts";
import { areIndependent, failed, touches, touchesOf } from "./touches.ts";

/** `r x` reads x, `w x` changes it, `a x` adds to it. */
function action(writer: string, { name = writer, does }: { name?: string; does: string }): Action {
  const [what, table] = does.split(" ");
  const touched = new Set([table!]);
  const kinds = { r: "reads", a: "adds", w: "writes" } as const;
  return { name, writer, touches: touches({ [kinds[what as "r"]]: touched }) };
}

/** What each writer does, one after the other. */
type Program = Record<string, readonly string[]>;

/** All runs of a program: in which order, whether it came to the same as another one. */
function explore(program: Program): { orders: Action[][]; repeated: number } {
  const orders: Action[][] = [];
  let repeated = 0;
  for (const explorer = new Explorer(); !explorer.isDone; explorer.next()) {
    const at = new Map(Object.keys(program).map((writer) => [writer, 0]));
    const run: Action[] = [];
    while (true) {
      const actions = [...at].flatMap(([writer, i]) => {
        const does = program[writer]![i];
        return does === undefined ? [] : [action(writer, { does })];
      });
      if (actions.length === 0) break;
      const chosen = explorer.choose(actions);
      if (!chosen) break;
      const { writer } = chosen;
      run.push(actions.find((action) => action.writer === writer)!);
      at.set(writer, at.get(writer)! + 1);
    }
    if (explorer.isRepeated) repeated++;
    else orders.push(run);
  }
  return { orders, repeated };
}

/** How often each variable is seen in which state: what an order comes to. */
function comesTo(order: readonly Action[]): string {
  const values = new Map<string, string>();
  const seen: string[] = [];
  const done = new Map<string, number>();
  for (const { writer, touches } of order) {
    const name = `${writer}${done.get(writer) ?? 0}`;
    done.set(writer, (done.get(writer) ?? 0) + 1);
    for (const table of touches.reads) seen.push(`${name}=${values.get(table) ?? ""}`);
    for (const table of touches.adds) values.set(table, `${values.get(table) ?? ""}+`);
    for (const table of touches.writes) values.set(table, `${values.get(table) ?? ""}${name}`);
  }
  return JSON.stringify([seen.sort(), [...values].sort()]);
}

Deno.test("explorer: everything that touches the same: each order once", () => {
  const { orders, repeated } = explore({ A: ["w x", "w x", "w x"], B: ["w x", "w x", "w x"] });
  const names = orders.map((order) => order.map(({ name }) => name).join(""));
  assertEquals([names.length, new Set(names).size, repeated], [20, 20, 0]);
  assertEquals(orders.map(ordersLike), Array(20).fill(1));
});

Deno.test("explorer: what touches nothing in common is run in one order, which stands for all", () => {
  const { orders } = explore({ A: ["w x", "r x"], B: ["r y", "w y", "r y"] });
  assertEquals(orders.map(ordersLike), [10]);
  assertEquals(explore({ A: ["r x", "r x"], B: ["r x", "r x"] }).orders.length, 1, "reading");
});

Deno.test("explorer: whatever can come about does, and the schedules stand for all there are", () => {
  const programs: Program[] = [
    { A: ["r x", "w x"], B: ["r x", "w x"] },
    { A: ["w x", "w y", "r z"], B: ["r y", "w z", "w x"] },
    { A: ["r x", "r y", "w x", "w y"], B: ["r y", "w y", "r x", "w x"] },
    { A: ["w x"], B: ["w y", "w x", "r y", "w y"] },
    { A: ["a x", "r x", "w y"], B: ["a x", "w x", "r y"] },
  ];
  for (const program of programs) {
    // With a table that everything touches no two orders come to the same.
    const all = explore(
      Object.fromEntries(Object.entries(program).map(([writer, does]) => [writer, does.map(() => "w all")])),
    ).orders.map((order) => {
      const at: Record<string, number> = { A: 0, B: 0 };
      return order.map(({ writer }) => action(writer, { does: program[writer]![at[writer]!++]! }));
    });
    const { orders } = explore(program);
    assertEquals(new Set(orders.map(comesTo)), new Set(all.map(comesTo)));
    assertEquals(orders.reduce((sum, order) => sum + ordersLike(order), 0), all.length);
    assert(orders.length < all.length);
  }
});

Deno.test("explorer: a run that has other choices than before is astray", () => {
  const explorer = new Explorer();
  explorer.choose([action("A", { does: "w x" }), action("B", { does: "w x" })]);
  explorer.next();
  assertThrows(() => explorer.choose([action("A", { does: "w x" })]), Astray, "has the choices A, not A B");
});

Deno.test("touches: tables are read and changed as the text says", () => {
  const { reads, adds, writes } = touchesOf(
    `INSERT INTO message (conv) SELECT conv FROM conversation JOIN user ON 1 WHERE x FOR UPDATE;
     INSERT INTO progress (userid) VALUES (?) ON DUPLICATE KEY UPDATE userid = userid`,
    ["1", "2"],
  );
  assertEquals(
    [[...reads], [...adds], [...writes]],
    [["conversation 1", "conversation 2", "user 1", "user 2"], ["progress 1", "progress 2"], [
      "message 1",
      "message 2",
    ]],
  );
  const insert = touchesOf("INSERT INTO user (id) VALUES (1)", ["1"]);
  const read = touchesOf("SELECT 1 FROM user", ["1"]);
  const add = touchesOf("INSERT INTO user (id) VALUES (1) ON DUPLICATE KEY UPDATE id = VALUES(id)", ["1"]);
  const replace = touchesOf("INSERT INTO user (id) VALUES (1) ON DUPLICATE KEY UPDATE id = 7", ["1"]);
  for (
    const [one, two] of [[insert, read], [insert, insert], [add, read], [insert, add], [
      replace,
      add,
    ]] as const
  ) {
    assert(!areIndependent(one, two) && !areIndependent(two, one));
  }
  for (const two of [read, add, failed(insert)]) assert(areIndependent(two, two));
  assert(areIndependent(insert, touchesOf("SELECT 1 FROM user", ["2"])), "another part");
});
