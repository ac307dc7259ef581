import { assertEquals } from "@std/assert";
import { ALICE, Bench } from "./test_bench.ts";

const OWN = { msgid: 6, id: 1, name: "alice", toid: 2, conv: "u1-2", at: 0 };

Deno.test("a device with a name says it at each login, and the nameless one says nothing", async () => {
  for (const [device, said] of [[undefined, {}], ["phone", { device: "phone", client: "test" }]] as const) {
    const bench = new Bench(device === undefined ? {} : { device });
    await bench.app.start();
    bench.type("1", "alice", "secret");
    assertEquals(bench.took(), [{ msgid: 1, v: 2, name: "alice", password: "secret", ...said }]);
    bench.says(ALICE);
    await bench.breaks();
    assertEquals(bench.took(), [{ msgid: 1, v: 2, id: 1, token: "t1", ...said }]);
  }
});

Deno.test("what was written on another device is shown as one's own, and confirmed like everything else", async () => {
  const bench = await Bench.loggedIn(ALICE, { device: "phone" });
  bench.says({ ...OWN, seq: 1, mid: "other", msg: "from the laptop" });
  assertEquals(bench.printed().map((line) => line.replace(/^\S+ \S+ /, "")), ["you to 2: from the laptop"]);
  await bench.clock.pass(50);
  assertEquals(bench.took(), [{ msgid: 13, conv: "u1-2", seq: 1, kind: "read" }]);
});

Deno.test("an own message that is pushed although its acknowledgement is missing counts as acknowledged", async () => {
  const bench = await Bench.loggedIn(ALICE, { device: "phone" });
  bench.type("chat:2:hello");
  const [{ mid }] = bench.took() as [{ mid: string }];
  await bench.breaks();
  bench.took();
  bench.says(ALICE, { ...OWN, seq: 1, mid, msg: "hello" });
  bench.says({ msgid: 12, mid, conv: "u1-2", seq: 1, at: 0 });
  const printed = bench.printed().filter((line) => line.includes("hello"));
  assertEquals(printed, ["sent to 2 #1: hello"]);
  await bench.clock.pass(2000);
  assertEquals(bench.took().filter(({ msgid }) => msgid === 13), [
    { msgid: 13, conv: "u1-2", seq: 1, kind: "read" },
  ]);
});
