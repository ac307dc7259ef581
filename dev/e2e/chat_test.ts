import { assert, assertEquals } from "@std/assert";
import { join, logIn, register, TestServer } from "./harness.ts";

Deno.test("v2: login answers with friends, groups and conversations as objects, and a token", async () => {
  await using server = await TestServer.start();
  await using ann = await join(server, "ann");
  await using bob = await join(server, "bob");
  await ann.wire.ask({ msgid: 7, friendid: bob.id, mid: "r" }, 12);
  const request = await bob.wire.next(7);
  assertEquals(request, {
    msgid: 7,
    from: ann.id,
    toid: bob.id,
    msg: request.msg,
    name: "ann",
    conv: "u1-2",
    seq: 1,
    at: request.at,
  });
  await bob.wire.ask({ msgid: 8, friendid: ann.id, flag: true, mid: "a" }, 12);
  const answer = await ann.wire.next(8);
  assertEquals([answer.flag, answer.seq, answer.name], [true, 2, "bob"]);
  const created = await ann.wire.ask({ msgid: 9, groupname: "team", groupdesc: "all of us" }, 18);
  assertEquals(created, { msgid: 18, errno: 0, groupid: 1, groupname: "team" });
  assertEquals(await bob.wire.ask({ msgid: 10, groupid: 1 }, 19), { msgid: 19, errno: 0, groupid: 1 });
  await bob.wire.ask({ msgid: 3 }, 17);

  const ack = await bob.wire.ask({ msgid: 1, v: 2, name: "bob", password: bob.password }, 2);
  assertEquals(ack.friends, [{ id: ann.id, name: "ann", state: "online", seen: 0 }]);
  assertEquals(ack.groups, [
    { id: 1, groupname: "team", groupdesc: "all of us", role: "normal", size: 2 },
  ]);
  assertEquals("more" in ack, false, "that is all");
  assertEquals(ack.conversations, [
    { conv: "g1", seq: 0, delivered: 0, read: 0 },
    { conv: "u1-2", seq: 2, delivered: 0, read: 0 },
  ]);
  assertEquals((await bob.wire.next(7)).seq, 1, "not confirmed by a receipt, so it comes again");
});

Deno.test("v2: a token logs in without a password, only its owner, and the same one comes back", async () => {
  await using server = await TestServer.start();
  await using ann = await join(server, "ann");
  await register(server, "bob");
  const { token } = ann.ack;
  await ann.wire.ask({ msgid: 3 }, 17);
  const wrong = await ann.wire.ask({ msgid: 1, v: 2, name: "bob", token }, 2);
  assertEquals(wrong.errno, 1);
  assertEquals((await ann.wire.ask({ msgid: 1, v: 2, id: ann.id, token: token + "x" }, 2)).errno, 1);
  const right = await ann.wire.ask({ msgid: 1, v: 2, id: ann.id, token }, 2);
  assertEquals([right.errno, right.id, right.token], [0, ann.id, token]);
});

Deno.test("v2: what was missed comes until it is confirmed; own messages do not come back", async () => {
  await using server = await TestServer.start();
  await using ann = await join(server, "ann");
  const id = await register(server, "bob");
  for (let i = 1; i <= 5; i++) await ann.wire.ask({ msgid: 6, toid: id, msg: `${i}`, mid: `${i}` }, 12);
  {
    await using bob = await logIn(server, { id, name: "bob" });
    assertEquals(bob.ack.conversations, [{ conv: "u1-2", seq: 5, delivered: 0, read: 0 }]);
    for (let i = 1; i <= 5; i++) assertEquals((await bob.wire.next(6)).seq, i);
    await bob.wire.send({ msgid: 13, conv: "u1-2", seq: 3, kind: "delivered" });
    await bob.wire.send({ msgid: 13, conv: "u1-2", seq: 2, kind: "read" });
    assertEquals(await ann.wire.next(13), { msgid: 13, id, conv: "u1-2", seq: 3, kind: "delivered" });
    assertEquals(await ann.wire.next(13), { msgid: 13, id, conv: "u1-2", seq: 2, kind: "read" });
    await bob.wire.ask({ msgid: 6, toid: ann.id, msg: "6", mid: "b" }, 12);
    await bob.wire.ask({ msgid: 3 }, 17);
    assertEquals(bob.wire.frames, []);
  }
  {
    await using bob = await logIn(server, { id, name: "bob" });
    assertEquals(bob.ack.conversations, [{ conv: "u1-2", seq: 6, delivered: 3, read: 2 }]);
    assertEquals([(await bob.wire.next(6)).seq, (await bob.wire.next(6)).seq], [4, 5]);
    await bob.wire.send({ msgid: 13, conv: "u1-2", seq: 5, kind: "delivered" });
    await bob.wire.ask({ msgid: 3 }, 17);
    assertEquals(bob.wire.frames, []);
  }
  await using bob = await logIn(server, { id, name: "bob" });
  assertEquals(bob.ack.conversations, [{ conv: "u1-2", seq: 6, delivered: 6, read: 2 }], "with 6 its own");
  await bob.wire.settle();
  assertEquals(bob.wire.frames, []);
});

Deno.test("v2: 1,000 missed messages come in order, once, no frame over 64 KiB", async () => {
  await using server = await TestServer.start();
  await using ann = await join(server, "ann");
  const id = await register(server, "bob");
  for (let i = 1; i <= 1000; i++) {
    await ann.wire.send({ msgid: 6, toid: id, msg: "x".repeat(500) + i, mid: `m${i}` });
  }
  for (let i = 1; i <= 1000; i++) await ann.wire.next(12);
  await using bob = await logIn(server, { id, name: "bob" });
  for (let i = 1; i <= 1000; i++) {
    const frame = await bob.wire.next(6);
    assertEquals([frame.seq, frame.msg.slice(500)], [i, `${i}`]);
  }
  await ann.wire.ask({ msgid: 6, toid: id, msg: "after", mid: "after" }, 12);
  assertEquals((await bob.wire.next(6)).seq, 1001);
  await bob.wire.settle();
  assertEquals(bob.wire.frames, []);
  const longest = Math.max(...bob.wire.raw.map((text) => new TextEncoder().encode(text).length));
  assert(longest <= 65536, `${longest}`);
});

Deno.test("groups: members see what came after they joined; others are refused", async () => {
  await using server = await TestServer.start();
  await using ann = await join(server, "ann");
  await using bob = await join(server, "bob");
  await using eve = await join(server, "eve");
  await ann.wire.ask({ msgid: 9, groupname: "g", groupdesc: "" }, 18);
  await ann.wire.ask({ msgid: 11, groupid: 1, msg: "before", mid: "1" }, 12);
  await bob.wire.ask({ msgid: 10, groupid: 1 }, 19);
  await ann.wire.ask({ msgid: 11, groupid: 1, msg: "after", mid: "2" }, 12);
  const got = await bob.wire.next(11);
  assertEquals(got, {
    msgid: 11,
    id: ann.id,
    name: "ann",
    groupid: 1,
    msg: "after",
    time: got.time,
    mid: "2",
    conv: "g1",
    seq: 2,
    at: got.at,
  });
  const history = await bob.wire.ask({ msgid: 20, conv: "g1", limit: 10 }, 21);
  assertEquals([history.messages.length, history.messages[0].msg, history.more], [1, "after", false]);
  assertEquals((await bob.wire.ask({ msgid: 20, conv: "g1", after: 0 }, 21)).messages.length, 1);
  const refused = await eve.wire.ask({ msgid: 11, groupid: 1, msg: "x", mid: "m" }, 16);
  assertEquals([refused.errno, refused.ref, refused.mid], [105, 11, "m"]);
  assertEquals((await eve.wire.ask({ msgid: 11, groupid: 9, msg: "x", mid: "m" }, 16)).errno, 104);
  assertEquals((await eve.wire.ask({ msgid: 20, conv: "g1" }, 16)).errno, 105);
  assertEquals((await eve.wire.ask({ msgid: 20, conv: "g9" }, 16)).errno, 104);
  assertEquals((await eve.wire.ask({ msgid: 10, groupid: 9 }, 19)).errno, 104);
  assertEquals((await bob.wire.ask({ msgid: 10, groupid: 1 }, 19)).errno, 111);
});

Deno.test("friends: refusals, and asking twice", async () => {
  await using server = await TestServer.start();
  await using ann = await join(server, "ann");
  await using bob = await join(server, "bob");
  const refused = async (frame: object) => (await ann.wire.ask(frame, 16)).errno;
  assertEquals(await refused({ msgid: 7, friendid: 99 }), 103);
  assertEquals(await refused({ msgid: 7, friendid: ann.id }), 109);
  assertEquals(await refused({ msgid: 8, friendid: bob.id, flag: true }), 109);
  assertEquals(await refused({ msgid: 8, friendid: 99, flag: true }), 103);
  const first = await ann.wire.ask({ msgid: 7, friendid: bob.id, mid: "r" }, 12);
  assertEquals(await ann.wire.ask({ msgid: 7, friendid: bob.id, mid: "r" }, 12), first, "a resend");
  assertEquals(await refused({ msgid: 7, friendid: bob.id, mid: "r2" }), 111);
  await bob.wire.ask({ msgid: 8, friendid: ann.id, flag: false }, 12);
  assertEquals((await ann.wire.next(8)).flag, false);
  await ann.wire.ask({ msgid: 7, friendid: bob.id, mid: "r3" }, 12);
  await bob.wire.ask({ msgid: 8, friendid: ann.id, flag: true }, 12);
  assertEquals(await refused({ msgid: 7, friendid: bob.id }), 111);
  assertEquals(
    (await bob.wire.ask({ msgid: 8, friendid: ann.id, flag: true }, 16)).errno,
    109,
    "answered already",
  );
});

Deno.test("history: pages in both directions, and other people's conversations stay theirs", async () => {
  await using server = await TestServer.start();
  await using ann = await join(server, "ann");
  await using bob = await join(server, "bob");
  await using eve = await join(server, "eve");
  for (let i = 1; i <= 25; i++) await ann.wire.ask({ msgid: 6, toid: bob.id, msg: `${i}`, mid: `${i}` }, 12);
  const page = async (range: object) => {
    const { messages, more } = await bob.wire.ask({ msgid: 20, conv: "u1-2", ...range }, 21);
    return [messages[0]?.seq, messages.at(-1)?.seq, messages.length, more];
  };
  assertEquals(await page({ limit: 10 }), [16, 25, 10, true]);
  assertEquals(await page({ before: 16, limit: 10 }), [6, 15, 10, true]);
  assertEquals(await page({ before: 6, limit: 10 }), [1, 5, 5, false]);
  assertEquals(await page({ after: 0, limit: 10 }), [1, 10, 10, true]);
  assertEquals(await page({ after: 15, limit: 10 }), [16, 25, 10, false]);
  assertEquals(await page({ after: 25 }), [undefined, undefined, 0, false]);
  assertEquals(await page({}), [1, 25, 25, false]);
  assertEquals((await bob.wire.ask({ msgid: 20, conv: "u1-2", limit: 1 }, 21)).messages[0].mid, "25");
  assertEquals((await eve.wire.ask({ msgid: 20, conv: "u1-2" }, 16)).errno, 109);
  assertEquals((await eve.wire.ask({ msgid: 13, conv: "u1-2", seq: 1, kind: "read" }, 16)).errno, 109);
  assertEquals((await bob.wire.ask({ msgid: 13, conv: "u1-2", seq: 26, kind: "read" }, 16)).errno, 100);
  assertEquals((await eve.wire.ask({ msgid: 20, conv: "u1-3" }, 21)).messages, []);
});

Deno.test("history: a page of long messages ends early rather than being over 64 KiB", async () => {
  await using server = await TestServer.start();
  await using ann = await join(server, "ann");
  const text = "\u00e9".repeat(15_000);
  for (let i = 1; i <= 6; i++) await ann.wire.ask({ msgid: 6, toid: ann.id, msg: text, mid: `${i}` }, 12);
  const seen: number[] = [];
  for (let more = true; more;) {
    const ack = await ann.wire.ask({ msgid: 20, conv: "u1-1", after: seen.at(-1) ?? 0 }, 21);
    seen.push(...ack.messages.map((message: { seq: number }) => message.seq));
    more = ack.more;
  }
  assertEquals(seen, [1, 2, 3, 4, 5, 6]);
  const back: number[] = [];
  for (let more = true; more;) {
    const range = back.length > 0 ? { before: back[0] } : {};
    const ack = await ann.wire.ask({ msgid: 20, conv: "u1-1", ...range }, 21);
    back.unshift(...ack.messages.map((message: { seq: number }) => message.seq));
    more = ack.more;
  }
  assertEquals(back, [1, 2, 3, 4, 5, 6]);
  const longest = Math.max(...ann.wire.raw.map((line) => new TextEncoder().encode(line).length));
  assert(longest <= 65536, `${longest}`);
});

Deno.test("sessions: a second login is refused, a takeover ends the first one with GOODBYE", async () => {
  await using server = await TestServer.start();
  await using ann = await join(server, "ann");
  await using second = await server.connect();
  const login = { msgid: 1, v: 2, id: ann.id, password: ann.password };
  assertEquals((await second.ask(login, 2)).errno, 2);
  assertEquals((await ann.wire.ask(login, 2)).errno, 2, "also on the same connection");
  assertEquals((await second.ask({ ...login, takeover: true }, 2)).errno, 0);
  const goodbye = await ann.wire.next(22);
  assertEquals([goodbye.reason, goodbye.reconnect_ms], ["takeover", 0]);
  await ann.wire.gone();
  await second.ask({ msgid: 3 }, 17);
  assertEquals((await second.ask(login, 2)).errno, 0);
});

Deno.test("sessions: closing the connection logs out, whatever was under way is finished", async () => {
  await using server = await TestServer.start();
  await using bob = await join(server, "bob");
  const id = await register(server, "ann");
  {
    await using wire = await server.connect();
    await wire.send({ msgid: 1, v: 2, id, password: "pw ann" }, {
      msgid: 6,
      toid: bob.id,
      msg: "bye",
      mid: "1",
    });
    await wire.finishWriting();
    assertEquals((await wire.next(2)).errno, 0);
    assertEquals((await wire.next(12)).mid, "1");
    await wire.gone();
  }
  assertEquals((await bob.wire.next(6)).msg, "bye");
  await using again = await logIn(server, { id, name: "ann" });
  assertEquals(again.ack.friends, []);
});

Deno.test("stop: GOODBYE to those who know it, then everything closes", async () => {
  await using server = await TestServer.start();
  await using ann = await join(server, "ann");
  await using old = await join(server, "old", 1);
  await server.stop();
  const goodbye = await ann.wire.next(22);
  assert(goodbye.reconnect_ms > 0 && goodbye.reason.length > 0);
  await ann.wire.gone();
  await old.wire.gone();
  assertEquals(old.wire.frames, []);
});

Deno.test("login: 112 after too many failures, for unknown users as well; a token still works", async () => {
  await using server = await TestServer.start("--login-failures=3");
  await using ann = await join(server, "ann");
  await ann.wire.ask({ msgid: 3 }, 17);
  for (const id of [ann.id, 4711]) {
    const answers = [];
    for (let i = 0; i < 5; i++) {
      answers.push((await ann.wire.ask({ msgid: 1, v: 2, id, password: "?" }, 2)).errno);
    }
    assertEquals(answers, [1, 1, 1, 112, 112]);
  }
  assertEquals((await ann.wire.ask({ msgid: 1, v: 2, id: ann.id, token: ann.ack.token }, 2)).errno, 0);
});

Deno.test("limits: too fast is 106 with the time to wait, too many connections 112", async () => {
  await using server = await TestServer.start("--rate=5", "--max-connections=1");
  await using wire = await server.connect();
  for (let i = 0; i < 6; i++) await wire.send({ msgid: 14 });
  const refused = await wire.next(16);
  assertEquals(refused.errno, 106);
  assert(refused.retry_ms > 0 && refused.retry_ms <= 200);
  await using another = await server.connect();
  assertEquals((await another.next(16)).errno, 112);
  await another.gone();
});
