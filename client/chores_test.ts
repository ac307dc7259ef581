import { assertEquals } from "@std/assert";
import { ALICE, Bench, HELLO } from "./test_bench.ts";

const BOB = { id: 2, name: "bob", state: "online" };
const WITH_BOB = { ...ALICE, friends: [BOB], groups: [{ id: 4, groupname: "devs" }] };

Deno.test("a friend's name is an id, without asking", async () => {
  const bench = await Bench.loggedIn(WITH_BOB);
  bench.type("chat:bob:hello");
  assertEquals(bench.took(), [{ msgid: 6, toid: 2, msg: "hello", mid: "m1" }]);
});

Deno.test("a name that was never heard is said, and nothing is sent", async () => {
  const bench = await Bench.loggedIn();
  bench.type("chat:bob:hello");
  assertEquals(bench.printed(), ["nobody called bob is known here: say #ID"]);
  assertEquals(bench.took(), []);
  bench.says(HELLO);
  bench.type("addfriend:bob");
  assertEquals(bench.took(), [{ msgid: 7, friendid: 2, mid: "m1" }]);
});

Deno.test("groups by name are one's own", async () => {
  const groups = [{ id: 4, groupname: "devs" }, { id: 5, groupname: "ops" }, { id: 6, groupname: "ops" }];
  const bench = await Bench.loggedIn({ ...ALICE, groups });
  bench.type("groupchat:devs:hi");
  assertEquals(bench.took(), [{ msgid: 11, groupid: 4, msg: "hi", mid: "m1" }]);
  bench.stores("m1", 1, "g4");
  bench.printed();
  bench.type("groupchat:ops:hi", "groupchat:nowhere:hi");
  assertEquals(bench.printed(), [
    "several of your groups are called ops: say g5 or g6",
    "you are in no group that is called nowhere: type groups for the list",
  ]);
});

Deno.test("a message is amended by its number or as the last one", async () => {
  const bench = await Bench.loggedIn(WITH_BOB);
  bench.type("/recall bob last");
  assertEquals(bench.printed(), [
    "no message there since you logged in: say its number, /history shows it",
  ]);
  bench.says(HELLO);
  bench.type("chat:bob:hi");
  bench.stores("m1", 2);
  bench.took();
  bench.printed();
  bench.type("/edit bob last hi there", "/react bob last 👍", "/reply bob 1 well", "/recall bob #2");
  // One of a conversation after the other.
  const frames = [];
  for (let i = 2; i <= 5; i++) {
    frames.push(...bench.took());
    bench.stores(`m${i}`, i + 1);
  }
  assertEquals(frames, [
    { msgid: 25, conv: "u1-2", kind: "edit", ref: 2, msg: "hi there", mid: "m2" },
    { msgid: 25, conv: "u1-2", kind: "react", ref: 1, emoji: "👍", on: true, mid: "m3" },
    { msgid: 6, toid: 2, msg: "well", re: 1, mid: "m4" },
    { msgid: 25, conv: "u1-2", kind: "recall", ref: 2, mid: "m5" },
  ]);
  assertEquals(bench.printed(), [
    "sent edit of #2 to 2",
    "sent reaction to #1 to 2",
    "sent to 2 #5: well",
    "sent recall of #2 to 2",
  ]);
});

Deno.test("all members are shown, page by page", async () => {
  const bench = await Bench.loggedIn(WITH_BOB);
  bench.type("/members devs");
  assertEquals(bench.took(), [{ msgid: 31, groupid: 4, after: 0, limit: 200 }]);
  bench.says({ msgid: 24, ref: 31, members: [{ ...BOB, role: "creator" }], more: true });
  assertEquals(bench.took(), [{ msgid: 31, groupid: 4, after: 2, limit: 200 }]);
  const muted = bench.clock.now() + 1000;
  bench.says({
    msgid: 24,
    ref: 31,
    members: [{ id: 3, name: "carol", state: "offline", role: "normal", muted }],
    more: false,
  });
  assertEquals(bench.printed(), [
    "group 4 member [2] bob online creator",
    "group 4 member [3] carol offline muted",
  ]);
});

Deno.test("what was said is found", async () => {
  const bench = await Bench.loggedIn(WITH_BOB);
  bench.type("/search in:bob hello");
  bench.says({ msgid: 24, ref: 32, found: [], more: true, before: "i7" });
  bench.says({ msgid: 24, ref: 32, found: [HELLO], more: false });
  assertEquals(bench.took(), [
    { msgid: 32, q: "hello", conv: "u1-2", limit: 20 },
    { msgid: 32, q: "hello", conv: "u1-2", before: "i7", limit: 20 },
  ]);
  const [found, count] = bench.printed();
  assertEquals(found!.replace(/\d{4}-\S+ \S+ /, ""), "found u1-2 #1 [2] bob: hello");
  assertEquals(count, "search: 1 message");
});

Deno.test("requests stay listed until they are answered", async () => {
  const bench = await Bench.loggedIn();
  bench.says({ msgid: 7, from: 2, toid: 1, msg: "…", name: "bob", conv: "u1-2", seq: 1, at: 0 });
  bench.printed();
  bench.type("/requests", "ackaddfriend:2:true");
  bench.stores("m1", 2);
  bench.type("/requests");
  assertEquals(bench.printed(), [
    "friend request from [2] bob — answer with ackaddfriend:2:true or ackaddfriend:2:false",
    "sent acceptance to 2",
    "no friend requests wait for your answer",
  ]);
});

Deno.test("where numbers mean other messages, nothing is done to a message by its number", async () => {
  const bench = await Bench.loggedIn({ ...WITH_BOB, log: "a" }, { interactive: true });
  bench.says(HELLO);
  bench.type("/react bob 1 👍");
  bench.stores("m1", 2);
  bench.type("/reply bob 1 well");
  bench.stores("m2", 3);
  bench.type("/reply bob 1 and", "/react bob 1 👎");
  bench.took();
  bench.printed();
  await bench.breaks();
  await bench.clock.pass(1);
  bench.took();
  bench.says({ ...WITH_BOB, log: "b" });
  bench.stores("m2", 1);
  assertEquals(bench.took().filter(({ msgid }) => msgid !== 13), [
    { msgid: 6, toid: 2, msg: "well", mid: "m2" },
    { msgid: 6, toid: 2, msg: "and", mid: "m3" },
  ]);
  assertEquals(
    bench.printed().filter((line) => line.startsWith("not sent") || line.startsWith("the server's")),
    [
      "not sent reaction to #1 to 2: numbers mean other messages now",
      "the server's database came back older; sending 1 message again",
    ],
  );
});
