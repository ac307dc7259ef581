import { assert, assertEquals } from "@std/assert";
import { ALICE, Bench, HELLO } from "./test_bench.ts";

Deno.test("register, then log in by name; passwords are asked for as secrets", async () => {
  const bench = new Bench();
  await bench.app.start();
  assertEquals(bench.printed(), ["1. login", "2. register", "3. quit"]);
  bench.type("2", "alice", " pass word ", "1", "alice", " pass word ");
  assertEquals(bench.took(), [{ msgid: 4, v: 2, name: "alice", password: " pass word " }]);
  bench.says({ msgid: 5, errno: 0, id: 1 });
  assertEquals(bench.printed()[0], "registered: your id is 1");
  assertEquals(bench.took(), [{ msgid: 1, v: 2, name: "alice", password: " pass word " }]);
  bench.says({
    ...ALICE,
    friends: [{ id: 2, name: "bob", state: "online" }],
    groups: [{
      id: 4,
      groupname: "devs",
      groupdesc: "d",
      role: "creator",
      size: 1,
    }, {
      id: 5,
      groupname: "of an older server",
      groupdesc: "",
      members: [{ id: 1, name: "alice", state: "online" }],
    }],
  });
  assertEquals(bench.printed(), [
    "welcome alice (id 1)",
    "friend [2] bob online",
    "group [4] devs: d (creator, 1 member)",
    "group [5] of an older server",
    "group 5 member [1] alice online",
  ]);
  assertEquals(bench.prompts, [
    ...["choice:", "name:", "password: (secret)", "choice:", "id or name:", "password: (secret)", ""],
  ]);
});

Deno.test("a person whose login is refused is back in the menu", async () => {
  const bench = new Bench({ interactive: true });
  await bench.app.start();
  bench.type("1", "7", "x");
  assertEquals(bench.took()[0]?.id, 7);
  bench.says({ msgid: 2, errno: 1, errmsg: "wrong" });
  assertEquals(bench.lines.slice(-4), ["error 1: wrong", "1. login", "2. register", "3. quit"]);
});

Deno.test("friends and groups that are made are listed as they are", async () => {
  const bench = await Bench.loggedIn();
  bench.type("creategroup:devs:all of us");
  bench.says({ msgid: 18, errno: 0, groupid: 7, groupname: "devs" });
  bench.type("addgroup:8");
  const members = [{ id: 2, name: "bob", state: "offline", role: "creator" }];
  bench.says({ msgid: 19, errno: 0, groupid: 8, groupname: "ops", groupdesc: "", members });
  bench.says({ msgid: 8, from: 3, toid: 1, flag: true, name: "eve", conv: "u1-3", seq: 2, at: 0 });
  bench.says({ msgid: 23, id: 3, name: "eve", state: "online", at: 0 });
  bench.printed();
  bench.type("groups", "friends");
  assertEquals(bench.printed(), [
    "group [7] devs: all of us",
    "group 7 member [1] alice online creator",
    "group [8] ops",
    "group 8 member [2] bob offline creator",
    "friend [3] eve online",
  ]);
});

Deno.test("a person may take an account over", async () => {
  const bench = new Bench({ interactive: true });
  await bench.app.start();
  bench.type("1", "7", "x");
  bench.says({ msgid: 2, errno: 2, errmsg: "already logged in" });
  bench.type("y");
  assertEquals(bench.took()[1], { msgid: 1, v: 2, id: 7, password: "x", takeover: true });
});

Deno.test("a message goes from typed to read, each step told once", async () => {
  const bench = await Bench.loggedIn();
  bench.type("chat:2:hello: there");
  assertEquals(bench.took(), [{ msgid: 6, toid: 2, msg: "hello: there", mid: "m1" }]);
  assertEquals(bench.printed(), []);
  await bench.clock.pass(1000);
  bench.stores("m1", 5);
  bench.stores("m1", 5);
  for (const kind of ["delivered", "read", "read"]) {
    bench.says({ msgid: 13, id: 2, conv: "u1-2", seq: 5, kind });
  }
  assertEquals(bench.printed(), [
    "sending… to 2: hello: there",
    "sent to 2 #5: hello: there",
    "delivered to 2 up to #5",
    "read by 2 up to #5",
  ]);
});

Deno.test("what comes in is shown once and acknowledged", async () => {
  const bench = await Bench.loggedIn();
  bench.says(HELLO, HELLO, { ...HELLO, seq: 2, msg: "\x1b[2J" }, { msgid: 99 });
  await bench.clock.pass(50);
  assertEquals(bench.printed().map((line) => line.slice(20)), ["[2] bob: hello", "[2] bob: ␛[2J"]);
  assertEquals(bench.took(), [{ msgid: 13, conv: "u1-2", seq: 2, kind: "read" }]);
});

Deno.test("what was missed is counted; own messages at the end do not hold that up", async () => {
  const conversations = [{ conv: "u1-2", seq: 4, delivered: 1, read: 0 }];
  const bench = await Bench.loggedIn({ ...ALICE, conversations });
  bench.says(HELLO, { ...HELLO, seq: 2 }, { ...HELLO, seq: 3 });
  assertEquals(bench.printed().length, 2);
  await bench.clock.pass(500);
  assertEquals(bench.printed(), ["missed messages: 2"]);
});

Deno.test("unacknowledged messages survive a broken connection, in order, under the same mid", async () => {
  const bench = await Bench.loggedIn();
  bench.type("chat:2:a", "groupchat:4:b", "chat:2:c");
  const before = bench.took();
  await bench.breaks();
  assertEquals(bench.took(), [{ msgid: 1, v: 2, id: 1, token: "t1" }]);
  bench.says({ ...ALICE, token: "t2" });
  assertEquals(bench.took(), before);
  bench.stores("m1", 1);
  assertEquals(bench.took(), [{ msgid: 6, toid: 2, msg: "c", mid: "m3" }]);
  assert(bench.lines.includes("connection lost: gone; reconnecting"));
  assert(bench.lines.includes("connected again"));
  await bench.breaks();
  assertEquals(bench.took()[0]?.token, "t2");
});

Deno.test("after a broken connection 'already logged in' is asked again for 150 s, then given up", async () => {
  const bench = await Bench.loggedIn(ALICE, { interactive: true });
  bench.type("chat:2:a");
  await bench.clock.pass(1000);
  await bench.breaks();
  bench.printed();
  const told: string[] = [];
  // The node finds a client that vanished after 100 s, nginx after 120 s.
  for (let ms = 0; ms <= 150_000; ms += 250) {
    bench.took();
    bench.says({ msgid: 2, errno: 2, errmsg: "already logged in" });
    if (ms === 2000) assertEquals(bench.lines, []);
    await bench.clock.pass(250);
    assertEquals(bench.took().map((frame) => frame.token), ["t1"]);
    told.push(...bench.printed());
  }
  assertEquals(told, ["the server still holds the old connection; trying again"]);
  bench.says({ msgid: 2, errno: 2, errmsg: "already logged in" });
  assertEquals(bench.lines.slice(0, 2), [
    "this account is logged in elsewhere: log in again to take it over",
    "not sent to 2: a",
  ]);
});

Deno.test("the 150 s begin anew with the connection", async () => {
  const bench = await Bench.loggedIn();
  for (let times = 0; times < 3; times++) {
    await bench.breaks();
    for (let ms = 0; ms < 100_000; ms += 250) {
      bench.says({ msgid: 2, errno: 2, errmsg: "already logged in" });
      await bench.clock.pass(250);
    }
  }
  bench.took();
  bench.says(ALICE);
  bench.type("chat:2:a");
  assertEquals(bench.took().map((frame) => frame.mid), ["m1"]);
});

Deno.test("a refused token ends in the menu and names what was not sent", async () => {
  const bench = await Bench.loggedIn(ALICE, { interactive: true });
  bench.type("chat:2:a");
  await bench.breaks();
  bench.says({ msgid: 2, errno: 1, errmsg: "no" });
  assertEquals(bench.lines.slice(-6, -3), [
    "error 1: no: log in again",
    "not sent to 2: a",
    "1 message was not sent",
  ]);
});

Deno.test("'too fast' and 'not stored' are sent again after the wait, others are reported", async () => {
  const bench = await Bench.loggedIn();
  bench.type("chat:2:a", "chat:2:b");
  const [first] = bench.took();
  bench.says({ msgid: 16, errno: 106, errmsg: "too fast", ref: 6, mid: "m1", retry_ms: 300 });
  await bench.clock.pass(299);
  assertEquals(bench.took(), []);
  await bench.clock.pass(1);
  assertEquals(bench.took(), [first]);
  bench.says({ msgid: 16, errno: 108, errmsg: "later", ref: 6, mid: "m1" });
  await bench.clock.pass(1000);
  assertEquals(bench.took(), [first]);
  bench.says({ msgid: 16, errno: 103, errmsg: "no such user", ref: 6, mid: "m1" });
  assertEquals(bench.lines.at(-1), "error 103: no such user (not sent to 2: a)");
  assertEquals(bench.took().map((frame) => frame.mid), ["m2"]);
});

Deno.test("a message whose acknowledgement is lost goes again after 5 s, under the same mid", async () => {
  const bench = await Bench.loggedIn();
  bench.type("chat:2:a", "chat:2:b");
  const [first] = bench.took();
  await bench.clock.pass(4999);
  assertEquals(bench.took(), []);
  await bench.clock.pass(1);
  assertEquals(bench.took(), [first]);
  bench.stores("m1", 1);
  bench.says({ msgid: 16, errno: 106, errmsg: "too fast", ref: 6, mid: "m1" });
  assertEquals(bench.took().map((frame) => frame.mid), ["m2"]);
  bench.stores("m2", 2);
  await bench.clock.pass(60_000);
  assertEquals(bench.took().filter((frame) => frame.msgid === 6), []);
  assert(!bench.lines.some((line) => line.startsWith("error")));
});

Deno.test("a message that the server cannot take is dropped, not sent for ever", async () => {
  const bench = await Bench.loggedIn();
  bench.type(`chat:2:${"x".repeat(5000)}`);
  bench.says({ msgid: 16, errno: 100, errmsg: "frame longer than 4096 bytes" });
  assert(bench.lines[0]?.startsWith("error 100: frame longer than 4096 bytes (not sent to 2: xx"));
  bench.type(`chat:2:${"x".repeat(70_000)}`);
  assertEquals(bench.lines[1], "message not sent to 2: 70040 bytes, at most 60000");
});

Deno.test("in a pipe each question waits for its answer, and what asks waits for what was sent", async () => {
  const bench = await Bench.loggedIn();
  bench.type("creategroup:devs:d", "addgroup:5", "chat:2:x", "history:2:2", "loginout", "3");
  assertEquals(bench.took().map((frame) => frame.msgid), [9]);
  bench.says({ msgid: 18, errno: 0, groupid: 7, groupname: "devs" });
  assertEquals(bench.took().map((frame) => frame.msgid), [10]);
  bench.says({ msgid: 16, errno: 104, errmsg: "no such group", ref: 10 });
  assertEquals(bench.took().map((frame) => frame.msgid), [6]);
  bench.stores("m1", 3);
  assertEquals(bench.took(), [{ msgid: 20, conv: "u1-2", limit: 2 }]);
  bench.says({ msgid: 21, conv: "u1-2", messages: [{ ...HELLO, seq: 2 }, { bad: 1 }], more: true });
  assertEquals(bench.took().map((frame) => frame.msgid), [3]);
  bench.says({ msgid: 17 });
  const printed = bench.printed();
  assertEquals(printed.slice(0, 3), [
    "group devs created: its id is 7",
    "error 104: no such group",
    "sent to 2 #3: x",
  ]);
  assertEquals(printed.at(4), "history u1-2: 1 message, 1 unreadable, there are older ones");
  // There is no group 5.
  assertEquals(bench.exit, 1);
});

Deno.test("a ping of the server is answered, also in the menu", async () => {
  const bench = new Bench();
  await bench.app.start();
  bench.says({ msgid: 14 }, { msgid: 14, at: 5 });
  assertEquals(bench.took(), [{ msgid: 15 }, { msgid: 15 }]);
});

Deno.test("events are shown and confirmed, those of an unknown kind only confirmed; a former friend is none", async () => {
  const bench = await Bench.loggedIn();
  bench.says({ msgid: 8, from: 3, toid: 1, flag: true, name: "eve", conv: "u1-3", seq: 1, at: 0 });
  const event = { msgid: 25, id: 3, name: "eve", conv: "u1-3", at: 0 };
  bench.says({ ...event, seq: 2, kind: "applaud", mid: "1", loudness: 11 });
  bench.printed();
  bench.says({ ...event, seq: 3, kind: "unfriend", mid: "2" });
  bench.says({ ...event, seq: 3, kind: "unfriend", mid: "2" });
  assertEquals(bench.printed().map((line) => line.slice(20)), ["[3] eve is no longer your friend"]);
  bench.type("friends");
  assertEquals(bench.printed(), ["no friends yet: addfriend:friendid asks somebody"]);
  await bench.clock.pass(1000);
  assertEquals(bench.took().filter(({ msgid }) => msgid === 13).at(-1), {
    msgid: 13,
    conv: "u1-3",
    seq: 3,
    kind: "read",
  });
});

Deno.test("a message to oneself comes back: shown once and confirmed, before or after its acknowledgement", async () => {
  const note = { ...HELLO, id: 1, name: "alice", toid: 1, conv: "u1-1" };
  for (const pushedFirst of [true, false]) {
    const bench = await Bench.loggedIn();
    bench.type("chat:1:hello");
    bench.took();
    if (pushedFirst) bench.says(note);
    bench.stores("m1", 1, "u1-1");
    bench.says(note, { msgid: 13, id: 1, conv: "u1-1", seq: 1, kind: "read" });
    await bench.clock.pass(50);
    const printed = bench.printed().map((line) => line.replace(/^\d{4}-\S+ \S+ /, ""));
    assertEquals(printed.sort(), ["[1] alice: hello", "sent to 1 #1: hello"]);
    assertEquals(bench.took(), [{ msgid: 13, conv: "u1-1", seq: 1, kind: "read" }]);
    await bench.breaks();
    bench.took();
    bench.says({ ...ALICE, conversations: [{ conv: "u1-1", seq: 1, delivered: 0, read: 0 }] }, note);
    await bench.clock.pass(50);
    assertEquals(bench.took(), [{ msgid: 13, conv: "u1-1", seq: 1, kind: "read" }]);
    assert(!bench.lines.some((line) => line.includes("alice: hello")));
  }
});

Deno.test("presence, bad frames and unknown commands are one line each", async () => {
  const bench = await Bench.loggedIn();
  bench.says({ msgid: 23, id: 2, name: "bob", state: "online", at: 0 });
  bench.saysText("{bad}");
  bench.type("nope", "chat:2");
  assertEquals(bench.printed(), [
    "[2] bob is online",
    "ignored a bad frame from the server: not JSON",
    "unknown command nope: type help for the list",
    "usage: chat:friendid:message",
  ]);
});

Deno.test("a broken connection ends a request that must not be asked twice, and repeats one that may", async () => {
  const bench = await Bench.loggedIn();
  bench.type("creategroup:devs:d");
  await bench.breaks();
  assert(
    bench.lines.some((line) => line.startsWith("creategroup: the connection broke before the answer came")),
  );
  bench.took();
  bench.says(ALICE);
  bench.type("addgroup:4");
  await bench.breaks();
  bench.took();
  bench.says(ALICE);
  assertEquals(bench.took(), [{ msgid: 10, id: 1, groupid: 4, details: true }]);
});
