import { assertEquals } from "@std/assert";
import { ALICE, Bench, HELLO } from "./test_bench.ts";

const MENU = ["1. login", "2. register", "3. quit"];

Deno.test("after 'takeover' and 'ended' the client stays away, with a sentence", async () => {
  for (
    const [reason, sentence] of [
      ["takeover", "logged out: another client has taken over this account"],
      ["ended", "logged out: this login was ended from elsewhere"],
    ] as const
  ) {
    const bench = await Bench.loggedIn(ALICE, { interactive: true });
    bench.says({ msgid: 22, reason, reconnect_ms: 0 });
    await bench.clock.pass(60_000);
    assertEquals(bench.took(), []);
    assertEquals(bench.printed(), [sentence, ...MENU]);
  }
});

Deno.test("after 'stopping' and 'unsure' the client comes back when the server said", async () => {
  for (const reason of ["stopping", "unsure"]) {
    const bench = await Bench.loggedIn();
    bench.says({ msgid: 22, reason, reconnect_ms: 700 });
    await bench.breaks();
    await bench.clock.pass(699);
    assertEquals(bench.took(), []);
    await bench.clock.pass(1);
    assertEquals(bench.took()[0]?.token, "t1");
    bench.says(ALICE);
    const said = ["the server is stopping; reconnecting", "connected again"];
    assertEquals(bench.printed(), reason === "unsure" ? [] : said);
  }
});

Deno.test("after 'unsure' a server that cannot be reached is told all the same", async () => {
  const bench = await Bench.loggedIn();
  bench.says({ msgid: 22, reason: "unsure", reconnect_ms: 100 });
  bench.up = false;
  await bench.breaks();
  await bench.clock.pass(100);
  assertEquals(bench.printed(), ["connection lost: cannot connect; reconnecting"]);
});

Deno.test("another log: what was acknowledged lately is sent again, in order, before anything new, and told once", async () => {
  const bench = await Bench.loggedIn({ ...ALICE, log: "one" });
  bench.type("chat:2:a", "groupchat:4:b", "chat:2:c");
  bench.stores("m1", 7);
  bench.stores("m2", 1, "g4");
  bench.stores("m3", 8);
  bench.says({ ...HELLO, seq: 9, mid: "x" });
  bench.printed();
  await bench.breaks();
  bench.type("chat:2:new");
  bench.took();
  bench.printed();
  bench.says({ ...ALICE, log: "two", conversations: [{ conv: "u1-2", seq: 6, delivered: 6, read: 6 }] });
  assertEquals(bench.printed(), [
    "the server's database came back older; sending 3 messages again",
    "connected again",
  ]);
  assertEquals(bench.took().map((frame) => frame.mid), ["m1", "m2"]);
  bench.stores("m1", 7);
  assertEquals(bench.took().map((frame) => frame.mid), ["m3"]);
  bench.stores("m2", 1, "g4");
  bench.stores("m3", 8);
  assertEquals(bench.took().map((frame) => frame.mid), ["m4"]);
  bench.stores("m4", 9);
  // Bob's client sends again what was lost of his: another number, the same message.
  bench.says({ ...HELLO, seq: 10, mid: "x" }, { ...HELLO, seq: 11, mid: "y", msg: "news" });
  assertEquals(bench.printed().map((line) => line.replace(/^\d{4}-\S+ \S+ /, "")), [
    "sent to 2 #9: new",
    "[2] bob: news",
  ]);
  await bench.clock.pass(50);
  assertEquals(bench.took(), [{ msgid: 13, conv: "u1-2", seq: 11, kind: "read" }]);
});

Deno.test("another log: entries that it still has are not shown again, receipts of the old one are void", async () => {
  const bench = await Bench.loggedIn({ ...ALICE, log: "one" });
  const request = { msgid: 7, from: 3, name: "cat", msg: "", conv: "u1-3", seq: 1, at: 5 };
  bench.says(HELLO, { ...HELLO, seq: 2, at: 1, msg: "more" }, request);
  bench.printed();
  await bench.breaks();
  bench.took();
  const at = { delivered: 0, read: 0 };
  const conversations = [{ conv: "u1-2", seq: 1, ...at }, { conv: "u1-3", seq: 1, ...at }];
  bench.says({ ...ALICE, log: "two", conversations }, HELLO, request);
  await bench.clock.pass(1000);
  assertEquals(bench.took(), [
    { msgid: 13, conv: "u1-2", seq: 1, kind: "read" },
    { msgid: 13, conv: "u1-3", seq: 1, kind: "read" },
  ]);
  bench.says({ ...HELLO, seq: 2, at: 9, msg: "other" });
  assertEquals(bench.printed().map((line) => line.replace(/^\d{4}-\S+ \S+ /, "")), [
    "connection lost: gone; reconnecting",
    "the server's database came back older",
    "connected again",
    "[2] bob: other",
  ]);
});

Deno.test("a conversation that ends before what this client has of it is an older database, too", async () => {
  const bench = await Bench.loggedIn();
  bench.type("chat:2:a");
  bench.stores("m1", 5);
  await bench.breaks();
  bench.took();
  bench.says({ ...ALICE, conversations: [{ conv: "u1-2", seq: 4, delivered: 4, read: 4 }] });
  assertEquals(bench.lines.at(-2), "the server's database came back older; sending 1 message again");
  assertEquals(bench.took(), [{ msgid: 6, toid: 2, msg: "a", mid: "m1" }]);
});

Deno.test("the same log, and none at all, are nothing to speak of", async () => {
  for (const log of ["one", undefined]) {
    const bench = await Bench.loggedIn({ ...ALICE, log: "one" });
    bench.type("chat:2:a");
    bench.stores("m1", 5);
    await bench.breaks();
    bench.took();
    bench.says({ ...ALICE, log, conversations: [{ conv: "u1-2", seq: 5, delivered: 5, read: 5 }] });
    assertEquals(bench.took(), []);
  }
});
