import { assertEquals } from "@std/assert";
import { ALICE, Bench, HELLO } from "./test_bench.ts";

const OLDER = "the server's database came back older";
const chat = (seq: number, msg: string) => ({ ...HELLO, seq, msg, mid: `bob-${msg}` });
const withoutTime = (lines: readonly string[]) => lines.map((line) => line.replace(/^\d{4}-\S+ \S+ /, ""));

/** Comes back to a server that names no other log and has the conversation up to `seq`. */
async function comesBack(bench: Bench, seq: number, delivered: number): Promise<void> {
  await bench.breaks();
  bench.took();
  bench.says({ ...ALICE, conversations: [{ conv: "u1-2", seq, delivered, read: delivered }] });
  bench.printed();
}

Deno.test("other history: a number that another message had is shown, and everything starts over once", async () => {
  const bench = await Bench.loggedIn();
  bench.says(chat(1, "kept"), chat(2, "lost a"));
  bench.type("chat:2:lost b");
  bench.stores("m1", 3);
  bench.says(chat(4, "lost c"));
  await comesBack(bench, 4, 1);
  assertEquals(bench.took(), []);
  // Bob has noticed, and sent again what he had written, and something new.
  bench.says(chat(2, "lost a"), chat(3, "lost c"), chat(4, "new"));
  assertEquals(withoutTime(bench.printed()), [`${OLDER}; sending 1 message again`, "[2] bob: new"]);
  assertEquals(bench.took(), [{ msgid: 6, toid: 2, msg: "lost b", mid: "m1" }]);
  bench.stores("m1", 5);
  await bench.clock.pass(50);
  assertEquals(bench.took(), [{ msgid: 13, conv: "u1-2", seq: 4, kind: "read" }]);
  // It comes again, and once more after another break: it is known by now.
  bench.says(chat(4, "new"));
  await comesBack(bench, 5, 1);
  bench.says(chat(2, "lost a"), chat(3, "lost c"), chat(4, "new"));
  assertEquals([bench.printed(), bench.took()], [[], []]);
});

Deno.test("other history: what was shown under that number is not told as read before the new one is shown", async () => {
  const bench = await Bench.loggedIn();
  bench.says(chat(1, "kept"), chat(2, "lost"));
  await bench.clock.pass(50);
  await comesBack(bench, 2, 1);
  bench.says(chat(2, "new"));
  assertEquals(withoutTime(bench.printed()), [OLDER, "[2] bob: new"]);
});

Deno.test("other history: an entry without a mid is another one if its time is", async () => {
  const bench = await Bench.loggedIn();
  const { name: _, ...request } = { msgid: 7, from: 3, name: "cat", msg: "", conv: "u1-3", seq: 1, at: 5 };
  bench.says({ ...HELLO, at: 5 }, request);
  await comesBack(bench, 1, 0);
  bench.says({ ...HELLO, at: 5 }, request);
  assertEquals(bench.printed(), []);
  bench.says({ ...HELLO, at: 6, msg: "other" });
  assertEquals(withoutTime(bench.printed()), [OLDER, "[2] bob: other"]);
});

Deno.test("other history: an own message stored under a number that another one had", async () => {
  const bench = await Bench.loggedIn();
  bench.type("chat:2:lost");
  bench.stores("m1", 1);
  bench.says(chat(2, "lost, too"));
  await bench.breaks();
  bench.took();
  // The copy is from before the conversation began.
  bench.says(ALICE);
  bench.printed();
  bench.type("chat:2:new");
  bench.took();
  bench.stores("m2", 1);
  assertEquals(bench.printed(), [`${OLDER}; sending 1 message again`, "sent to 2 #1: new"]);
  assertEquals(bench.took(), [{ msgid: 6, toid: 2, msg: "lost", mid: "m1" }]);
  bench.stores("m1", 2);
  // Answered twice, as what was sent twice is.
  bench.stores("m2", 1);
  bench.stores("m1", 2);
  assertEquals(bench.printed(), []);
});

Deno.test("other history: what was delivered before this client was there is known by number only", async () => {
  const bench = await Bench.loggedIn();
  await comesBack(bench, 4, 3);
  bench.says(chat(1, "a"), chat(2, "b"), chat(3, "c"), chat(4, "d"));
  assertEquals(bench.printed().filter((line) => line.startsWith(OLDER)), []);
});

Deno.test("other history: own messages and answers to friends agree with what is pushed of them", async () => {
  const bench = await Bench.loggedIn();
  bench.type("chat:1:note");
  bench.says({ ...HELLO, id: 1, name: "alice", toid: 1, conv: "u1-1", mid: "m1", msg: "note" });
  bench.stores("m1", 1, "u1-1");
  bench.type("addfriend:3");
  bench.says({ msgid: 12, mid: "m2", conv: "u1-3", seq: 1, at: 7 });
  bench.says({ msgid: 8, from: 3, toid: 1, flag: true, name: "cat", conv: "u1-3", seq: 2, at: 8 });
  assertEquals(bench.printed().filter((line) => line.startsWith(OLDER)), []);
});
