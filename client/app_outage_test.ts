import { assertEquals } from "@std/assert";
import { ALICE, Bench } from "./test_bench.ts";

const NO_DATABASE = "the server cannot reach its database";
const NOT_STORED = { errno: 108, errmsg: "not stored, try again", retry_ms: 500 };

Deno.test("outage: a server that refuses the login with 108 for more than 5 s is left for another one", async () => {
  const bench = await Bench.loggedIn();
  await bench.breaks();
  const dials = bench.dials;
  for (let ms = 0; ms <= 5000; ms += 500) {
    bench.says({ msgid: 2, ...NOT_STORED });
    await bench.clock.pass(500);
  }
  assertEquals(bench.dials, dials);
  bench.took();
  bench.says({ msgid: 2, ...NOT_STORED });
  await bench.clock.pass(0);
  assertEquals(bench.dials, dials + 1);
  assertEquals(bench.took().map((frame) => frame.token), ["t1"]);
  bench.says(ALICE);
  assertEquals(bench.printed(), ["connection lost: gone; reconnecting", NO_DATABASE, "connected again"]);
});

Deno.test("outage: a login that is answered otherwise in between is not refused for long", async () => {
  const bench = await Bench.loggedIn();
  await bench.breaks();
  const { dials } = bench;
  for (let times = 0; times < 10; times++) {
    for (let ms = 0; ms < 4000; ms += 500) {
      bench.says({ msgid: 2, ...NOT_STORED });
      await bench.clock.pass(500);
    }
    bench.says({ msgid: 2, errno: 2, errmsg: "already logged in" });
    await bench.clock.pass(1000);
  }
  assertEquals(bench.dials, dials);
});

Deno.test("outage: a server that stores nothing for more than 10 s is left, nothing is lost", async () => {
  const bench = await Bench.loggedIn();
  const { dials } = bench;
  bench.type("chat:2:a", "chat:3:b");
  const sent = bench.took();
  const refuse = () => {
    for (const { mid } of sent) bench.says({ msgid: 16, ...NOT_STORED, ref: 6, mid });
  };
  for (let ms = 0; ms <= 10_000; ms += 500) {
    refuse();
    await bench.clock.pass(500);
  }
  assertEquals(bench.dials, dials);
  bench.took();
  bench.printed();
  refuse();
  await bench.clock.pass(0);
  assertEquals(bench.dials, dials + 1);
  assertEquals(bench.took().map((frame) => frame.token), ["t1"]);
  bench.says(ALICE);
  assertEquals(bench.took(), sent);
  assertEquals(bench.printed(), [`connection lost: ${NO_DATABASE}; reconnecting`, "connected again"]);
});

Deno.test("outage: one message that is never stored is no reason to leave while others are", async () => {
  const bench = await Bench.loggedIn();
  const { dials } = bench;
  bench.type("chat:2:a");
  for (let i = 2; i < 30; i++) {
    bench.type(`chat:3:b${i}`);
    bench.stores(`m${i}`, i, "u1-3");
    bench.says({ msgid: 16, ...NOT_STORED, ref: 6, mid: "m1" });
    await bench.clock.pass(1000);
  }
  assertEquals(bench.dials, dials);
});
