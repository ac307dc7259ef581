import { assert, assertEquals, assertMatch } from "@std/assert";
import { pairConv } from "../../server/protocol/conversation.ts";
import { join, logIn, register, TestServer } from "./harness.ts";
import { Wire } from "./wire.ts";

/** What a program of the first generation does: one frame ended by NUL, one read of at most 1,024 bytes an answer. */
class OldProgram implements AsyncDisposable {
  readonly #conn: Deno.TcpConn;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  static async start(port: number): Promise<OldProgram> {
    return new OldProgram(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async say(text: string): Promise<void> {
    await this.#conn.write(new TextEncoder().encode(text + "\0"));
  }

  async hear(): Promise<string> {
    const buffer = new Uint8Array(1024);
    const count = await this.#conn.read(buffer);
    return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
  }

  /** Nothing has come when the answer to something else is the next thing to come. */
  async hearNothing(): Promise<void> {
    await this.say('{"msgid":99}');
    assertEquals(JSON.parse(await this.hear()).errno, 101);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#conn.close();
    await Promise.resolve();
  }
}

const TIME = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/;

Deno.test("v1: a whole conversation, byte by byte", async () => {
  await using server = await TestServer.start();
  await using ann = await OldProgram.start(server.port);
  await using bob = await OldProgram.start(server.port);

  await ann.say('{"msgid":4,"name":"ann","password":"secret-9"}');
  assertEquals(await ann.hear(), '{"msgid":5,"errno":0,"id":1}\n');
  await bob.say('{"msgid":4,"name":"bob","password":"secret-9"}');
  assertEquals(await bob.hear(), '{"msgid":5,"errno":0,"id":2}\n');
  await bob.say('{"msgid":4,"name":"bob","password":"other"}');
  assertEquals(await bob.hear(), '{"msgid":5,"errno":1}\n');

  await ann.say('{"id":1,"msgid":1,"password":"wrong"}');
  const refused = JSON.parse(await ann.hear());
  assertEquals(Object.keys(refused).sort(), ["errmsg", "errno", "msgid"]);
  assertEquals([refused.msgid, refused.errno], [2, 1]);
  await ann.say('{"id":1,"msgid":1,"password":"secret-9"}');
  assertEquals(await ann.hear(), '{"msgid":2,"errno":0,"id":1,"name":"ann"}\n');
  await bob.say('{"id":2,"msgid":1,"password":"secret-9"}');
  assertEquals(await bob.hear(), '{"msgid":2,"errno":0,"id":2,"name":"bob"}\n');

  await ann.say('{"id":1,"msg":"hello bob","msgid":6,"name":"ann","time":"2001-01-01 00:00:00","toid":2}');
  const chat = JSON.parse(await bob.hear());
  assertMatch(chat.time, TIME);
  assert(chat.time > "2020", "the server's time, not the client's");
  assertEquals(chat, { msgid: 6, id: 1, name: "ann", toid: 2, msg: "hello bob", time: chat.time });
  await bob.say('{"id":2,"msg":"你好 ann","msgid":6,"name":"bob","time":"","toid":1}');
  const reply = JSON.parse(await ann.hear());
  assertEquals(reply, { msgid: 6, id: 2, name: "bob", toid: 1, msg: "你好 ann", time: reply.time });

  await ann.say('{"friendid":2,"id":1,"msgid":7}');
  const request = JSON.parse(await bob.hear());
  assertEquals(request, { msgid: 7, from: 1, toid: 2, msg: request.msg });
  await bob.say('{"flag":true,"friendid":1,"id":2,"msgid":8}');
  const response = JSON.parse(await ann.hear());
  assertEquals(response, { msgid: 8, from: 2, toid: 1, msg: response.msg });

  await ann.say('{"groupdesc":"desc","groupname":"grp","id":1,"msgid":9}');
  await ann.hearNothing();
  await bob.say('{"groupid":1,"id":2,"msgid":10}');
  await bob.hearNothing();
  await ann.say('{"groupid":1,"id":1,"msg":"to the group","msgid":11,"name":"ann","time":""}');
  const said = JSON.parse(await bob.hear());
  assertEquals(said, { msgid: 11, id: 1, name: "ann", groupid: 1, msg: "to the group", time: said.time });
  await ann.hearNothing();

  await bob.say('{"id":2,"msgid":3}');
  await bob.hearNothing();
  for (const text of ["while away 1", "while away 2"]) {
    await ann.say(`{"id":1,"msg":"${text}","msgid":6,"name":"ann","time":"","toid":2}`);
  }
  await ann.say('{"groupid":1,"id":1,"msg":"group while away","msgid":11,"name":"ann","time":""}');
  await ann.hearNothing();

  await bob.say('{"id":2,"msgid":1,"password":"secret-9"}');
  const ack = JSON.parse(await bob.hear());
  assertEquals(Object.keys(ack).sort(), ["errno", "friends", "groups", "id", "msgid", "name", "offlinemsg"]);
  assertEquals(ack.friends, ['{"id":1,"name":"ann","state":"online"}']);
  const missed = ack.offlinemsg.map((text: string) => {
    const { time, ...rest } = JSON.parse(text);
    assertMatch(time, TIME);
    return rest;
  });
  // The order within a conversation is fixed, that of two conversations in the same millisecond is not.
  missed.sort((a: { msgid: number }, b: { msgid: number }) => a.msgid - b.msgid);
  assertEquals(missed, [
    { msgid: 6, id: 1, name: "ann", toid: 2, msg: "while away 1" },
    { msgid: 6, id: 1, name: "ann", toid: 2, msg: "while away 2" },
    { msgid: 11, id: 1, name: "ann", groupid: 1, msg: "group while away" },
  ]);
  assertEquals(ack.groups.length, 1);
  const group = JSON.parse(ack.groups[0]);
  assertEquals({ ...group, users: group.users.map((user: string) => JSON.parse(user)) }, {
    id: 1,
    groupname: "grp",
    groupdesc: "desc",
    users: [
      { id: 1, name: "ann", state: "online", role: "creator" },
      { id: 2, name: "bob", state: "online", role: "normal" },
    ],
  });

  await using again = await OldProgram.start(server.port);
  await again.say('{"id":1,"msgid":1,"password":"secret-9"}');
  const second = JSON.parse(await again.hear());
  assertEquals([second.msgid, second.errno, typeof second.errmsg], [2, 2, "string"]);

  // What was in offlinemsg was delivered: the next login has none of it.
  await bob.say('{"id":2,"msgid":3}');
  await bob.hearNothing();
  await bob.say('{"id":2,"msgid":1,"password":"secret-9"}');
  assertEquals("offlinemsg" in JSON.parse(await bob.hear()), false);
});

Deno.test("v1: friend request and answer wait in offlinemsg", async () => {
  await using server = await TestServer.start();
  await using ann = await join(server, "ann", 1);
  const id = await register(server, "bob");
  await ann.wire.send({ msgid: 7, id: ann.id, friendid: id });
  await ann.wire.send({ msgid: 99 });
  await ann.wire.next(16);
  await using bob = await logIn(server, { id, name: "bob", v: 1 });
  const [request] = bob.ack.offlinemsg.map((text: string) => JSON.parse(text));
  assertEquals(request, { msgid: 7, from: ann.id, toid: id, msg: request.msg });
  await using _ = ann.wire;
  await ann.wire.send({ msgid: 3, id: ann.id });
  await ann.wire.ask({ msgid: 99 }, 16);
  await bob.wire.send({ msgid: 8, id, friendid: ann.id, flag: true });
  await bob.wire.ask({ msgid: 99 }, 16);
  await using back = await logIn(server, { id: ann.id, name: "ann", v: 1 });
  const [answer] = back.ack.offlinemsg.map((text: string) => JSON.parse(text));
  assertEquals(answer, { msgid: 8, from: id, toid: ann.id, msg: answer.msg });
  assertEquals(back.ack.friends, [JSON.stringify({ id, name: "bob", state: "online" })]);
});

Deno.test("v1: is sent msgid 2, 5, 6, 7, 8, 11 and 16 and no others, each frame in a write of its own", async () => {
  await using server = await TestServer.start();
  await using old = await join(server, "old", 1);
  await using ann = await join(server, "ann");
  const { wire } = old;
  await ann.wire.ask({ msgid: 9, groupname: "g", groupdesc: "" }, 18);
  await wire.send(
    { msgid: 7, id: 1, friendid: ann.id },
    { msgid: 6, id: 1, toid: ann.id, msg: "a" },
    { msgid: 10, id: 1, groupid: 1 },
    { msgid: 9, id: 1, groupname: "h", groupdesc: "" },
    { msgid: 14 },
    { msgid: 20, conv: "u1-2" },
    { msgid: 10, id: 1, groupid: 99 },
    { msgid: 10, id: 1, groupid: 1 },
  );
  assertEquals((await wire.next()).errno, 101);
  assertEquals((await wire.next()).errno, 101);
  const noGroup = await wire.next();
  assertEquals([noGroup.msgid, noGroup.errno, noGroup.ref], [16, 104, 10]);
  const already = await wire.next();
  assertEquals([already.msgid, already.errno, already.ref], [16, 111, 10]);
  await ann.wire.ask({ msgid: 8, friendid: old.id, flag: true, mid: "1" }, 12);
  await ann.wire.ask({ msgid: 11, groupid: 1, msg: "x", mid: "2" }, 12);
  await ann.wire.send({ msgid: 13, conv: pairConv(old.id, ann.id), seq: 1, kind: "read" });
  await ann.wire.settle();
  assertEquals((await wire.next()).msgid, 8);
  assertEquals((await wire.next()).msgid, 11);
  await server.stop();
  await wire.gone();
  assertEquals(wire.frames, []);
});

Deno.test("v1: 1,000 missed messages come once and in order, in the answer as far as --v1-ack-limit goes", async () => {
  for (const limit of ["1048576", "1024"]) {
    await using server = await TestServer.start(`--v1-ack-limit=${limit}`);
    await using ann = await join(server, "ann");
    const id = await register(server, "bob");
    const texts = Array.from({ length: 1000 }, (_, i) => `message ${i}`);
    for (const [i, msg] of texts.entries()) await ann.wire.send({ msgid: 6, toid: id, msg, mid: `m${i}` });
    for (const _ of texts) await ann.wire.next(12);
    await using bob = await logIn(server, { id, name: "bob", v: 1 });
    const got = bob.ack.offlinemsg.map((text: string) => JSON.parse(text).msg);
    if (limit === "1024") assert(got.length < 20, `${got.length} in the answer`);
    while (got.length < texts.length) got.push((await bob.wire.next(6)).msg);
    assertEquals(got, texts);
    assertEquals(bob.wire.frames, []);
  }
});

Deno.test("v1: frames may end with NUL, a line end, or nothing, and come glued", async () => {
  await using server = await TestServer.start();
  await using wire: Wire = await server.connect();
  await wire.send('{"msgid":4,"name":"a","password":"p"}{"msgid":4,"name":"b","password":"p"}\0\r\n\t ');
  await wire.send('{"msgid":4,"name":"c","password":"p"}\0');
  assertEquals([(await wire.next(5)).id, (await wire.next(5)).id, (await wire.next(5)).id], [1, 2, 3]);
});

Deno.test("v1: what is not followed by a pace on a connection that stands comes again; what was logged out after does not", async () => {
  await using server = await TestServer.start("--v1-pace=400");
  await using ann = await join(server, "ann");
  const who = { id: await register(server, "bob"), name: "bob", v: 1 } as const;
  const waiting = async () => {
    const { ack, wire, ...rest } = await logIn(server, who);
    const missed = (ack.offlinemsg ?? []).map((text: string) => JSON.parse(text).msg);
    return { missed, wire, ...rest };
  };
  const say = (msg: string) => ann.wire.ask({ msgid: 6, toid: who.id, msg, mid: msg }, 12);
  const leave = async (wire: Wire) => {
    await wire[Symbol.asyncDispose]();
    while (server.sessions > 1) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  await say("in-the-answer");
  for (let i = 0; i < 2; i++) {
    const { missed, wire } = await waiting();
    assertEquals(missed, ["in-the-answer"], "the connection broke within the pace");
    await leave(wire);
  }
  const stays = await waiting();
  assertEquals(stays.missed, ["in-the-answer"]);
  await say("pushed");
  assertEquals((await stays.wire.next(6)).msg, "pushed");
  await leave(stays.wire);
  const back = await waiting();
  assertEquals(back.missed, ["pushed"], "the answer counts, since a pace has followed it");
  await back.wire.send({ msgid: 3 });
  await back.wire.ask({ msgid: 99 }, 16);
  await leave(back.wire);
  const last = await waiting();
  assertEquals(last.missed, []);
  await leave(last.wire);
});
