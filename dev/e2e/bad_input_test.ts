import { assert, assertEquals } from "@std/assert";
import { join, register, TestServer, type User } from "./harness.ts";
import type { Wire } from "./wire.ts";
import { onEveryPair } from "./worlds.ts";

const utf8 = new TextEncoder();

/** A neighbour that must never notice anything. */
async function healthy(user: User): Promise<void> {
  const mid = crypto.randomUUID();
  assertEquals((await user.wire.ask({ msgid: 6, toid: user.id, msg: "still here", mid }, 12)).mid, mid);
}

/** What a fresh connection is answered, and whether it is closed afterwards. */
async function answer(server: TestServer, ...bytes: (string | Uint8Array | object)[]) {
  await using wire = await server.connect();
  await wire.send(...bytes);
  const { errno, errmsg, msgid } = await wire.next();
  assertEquals(msgid, 16);
  return { errno, errmsg, stays: await stays(wire) };
}

async function stays(wire: Wire): Promise<boolean> {
  try {
    await wire.send({ msgid: 14 });
    await wire.next(15);
    assertEquals(wire.frames, [], "one error, no more");
    return true;
  } catch (error) {
    assert(wire.closed, `${error}`);
    assertEquals(wire.frames, [], "one error, no more");
    return false;
  }
}

Deno.test("bad input: each gets its one answer, the neighbour notices nothing", async (t) => {
  await using server = await TestServer.start();
  await using neighbour = await join(server, "neighbour");
  const cases: [string, (string | Uint8Array | object)[], number, boolean, string?][] = [
    ["hello", ["hello\n"], 100, false],
    ["64 KiB + 1", [`{"msgid":14,"x":"${"a".repeat(65536 + 1 - 18)}"}`], 100, false],
    ["a megabyte without an end", ["{" + " ".repeat(1024 * 1024)], 100, false],
    [
      "invalid UTF-8",
      [utf8.encode('{"msgid":14,"x":"'), new Uint8Array([0xc3, 0x28]), utf8.encode('"}')],
      100,
      false,
    ],
    ["a stray closing brace", ["}"], 100, false],
    ["an array", ["[1]"], 100, false],
    ["balanced, but not JSON", ["{msgid:1}"], 100, true],
    ["no msgid", ["{}"], 100, true, "msgid"],
    ["nesting 10,000 deep", ['{"a":'.repeat(9_999) + "{}" + "}".repeat(9_999)], 100, true, "msgid"],
    [
      "nesting 10,000 arrays",
      ['{"msgid":1,"v":2,"id":' + "[".repeat(10_000) + "]".repeat(10_000) + "}"],
      100,
      true,
      "id",
    ],
    ["msgid as text", [{ msgid: "1" }], 100, true, "msgid"],
    ["msgid 1.5", [{ msgid: 1.5 }], 100, true, "msgid"],
    ["msgid null", [{ msgid: null }], 100, true, "msgid"],
    ["msgid 0", [{ msgid: 0 }], 101, true],
    ["msgid -6", [{ msgid: -6 }], 101, true],
    ["a msgid of the server", [{ msgid: 2, errno: 0 }], 101, true],
    ["msgid toString", ['{"msgid":"toString"}'], 100, true],
    ["id as text", [{ msgid: 1, v: 2, id: "1", password: "x" }], 100, true, "id"],
    ["id 1.5", [{ msgid: 1, v: 2, id: 1.5, password: "x" }], 100, true, "id"],
    ["id 2^53", ['{"msgid":1,"v":2,"id":9007199254740992,"password":"x"}'], 100, true, "id"],
    ["id 1e400", ['{"msgid":1,"v":2,"id":1e400,"password":"x"}'], 100, true, "id"],
    ["no password", [{ msgid: 1, v: 2, id: 1 }], 100, true, "password"],
    ["an empty name", [{ msgid: 4, v: 2, name: "", password: "x" }], 100, true, "name"],
    ["an empty password", [{ msgid: 4, v: 2, name: "x", password: "" }], 100, true, "password"],
    [
      "a name of 60,000 characters",
      [{ msgid: 4, v: 2, name: "n".repeat(60_000), password: "x" }],
      107,
      true,
      "name",
    ],
    ["a name with a line end", [{ msgid: 4, v: 2, name: "a\nb", password: "x" }], 100, true, "name"],
    ["a name with NUL", [{ msgid: 4, v: 2, name: "a\0b", password: "x" }], 100, true, "name"],
    [
      "a name with half a character",
      ['{"msgid":4,"v":2,"name":"a\\ud800","password":"x"}'],
      100,
      true,
      "name",
    ],
    ["chat before login", [{ msgid: 6, toid: 1, msg: "x", mid: "1" }], 102, true],
    ["history before login", [{ msgid: 20, conv: "u1-2" }], 102, true],
    ["logout before login", [{ msgid: 3 }], 102, true],
    ["__proto__ instead of fields", ['{"__proto__":{"msgid":14}}'], 100, true, "msgid"],
    ["fields in __proto__", ['{"msgid":4,"v":2,"__proto__":{"name":"x","password":"y"}}'], 100, true, "name"],
  ];
  for (const [name, bytes, errno, stay, field] of cases) {
    await t.step(name, async () => {
      const got = await answer(server, ...bytes);
      assertEquals([got.errno, got.stays], [errno, stay], got.errmsg);
      if (field) assert(got.errmsg.includes(field), got.errmsg);
      await healthy(neighbour);
    });
  }
});

Deno.test("bad input: once logged in", async (t) => {
  await using server = await TestServer.start();
  await using ann = await join(server, "ann");
  const cases: [string, object, number][] = [
    ["toid 0", { msgid: 6, toid: 0, msg: "x", mid: "1" }, 103],
    ["toid -1", { msgid: 6, toid: -1, msg: "x", mid: "1" }, 103],
    ["toid of nobody", { msgid: 6, toid: 2 ** 53 - 1, msg: "x", mid: "1" }, 103],
    ["toid 2^53", { msgid: 6, toid: 2 ** 53, msg: "x", mid: "1" }, 100],
    ["toid 1.5", { msgid: 6, toid: 1.5, msg: "x", mid: "1" }, 100],
    ["toid null", { msgid: 6, toid: null, msg: "x", mid: "1" }, 100],
    ["no mid", { msgid: 6, toid: 1, msg: "x" }, 100],
    ["a mid of 41 characters", { msgid: 6, toid: 1, msg: "x", mid: "m".repeat(41) }, 107],
    ["a mid with a quote", { msgid: 6, toid: 1, msg: "x", mid: "'" }, 100],
    ["msg as number", { msgid: 6, toid: 1, msg: 1, mid: "1" }, 100],
    ["a message that fits a frame, but not with its other fields", {
      msgid: 6,
      toid: 1,
      msg: "m".repeat(65_000),
      mid: "1",
    }, 107],
    ["group 0", { msgid: 11, groupid: 0, msg: "x", mid: "1" }, 104],
    ["group name too long", { msgid: 9, groupname: "g".repeat(51), groupdesc: "" }, 107],
    ["group description too long", { msgid: 9, groupname: "g", groupdesc: "d".repeat(201) }, 107],
    ["flag as text", { msgid: 8, friendid: 1, flag: "true" }, 100],
    ["limit 201", { msgid: 20, conv: "u1-2", limit: 201 }, 100],
    ["before and after", { msgid: 20, conv: "u1-2", before: 1, after: 1 }, 100],
    ["a conversation of nobody", { msgid: 20, conv: "u0-1" }, 100],
    ["a conversation with a quote", { msgid: 20, conv: "u1-2'--" }, 100],
    ["a receipt of another kind", { msgid: 13, conv: "u1-1", seq: 1, kind: "seen" }, 100],
  ];
  for (const [name, frame, errno] of cases) {
    await t.step(name, async () => {
      assertEquals((await ann.wire.ask(frame, 16)).errno, errno);
      await healthy(ann);
    });
  }
});

Deno.test("bad input: login with an id that nobody can have is a wrong login, also for v1", async () => {
  await using server = await TestServer.start();
  await using wire = await server.connect();
  for (const id of [0, -1, 4711]) {
    assertEquals((await wire.ask({ msgid: 1, id, password: "x" }, 2)).errno, 1);
  }
});

Deno.test("texts come back as they went in", async () => {
  await using server = await TestServer.start();
  await using ann = await join(server, "ann");
  await using bob = await join(server, "bob");
  const texts = [
    "",
    "'; DROP TABLE user; --",
    '"quotes" `and` \\backslashes\\ %s ${x} /* comment */ # --',
    "emoji 👩‍👩‍👧‍👦 🏳️‍🌈",
    "שלום עולם مرحبا \u202eabc\u202c",
    "line\nline\r\n\ttab",
    "NUL \0 and DEL \x7f and \x1b[31mred",
    "half \ud800 a \udc00 pair",
    "\u2028\u2029\ufeff\uffff",
    "NULL",
    "{}",
  ];
  for (const [i, msg] of texts.entries()) {
    await ann.wire.ask({ msgid: 6, toid: bob.id, msg, mid: `${i}` }, 12);
    assertEquals((await bob.wire.next(6)).msg, msg);
  }
  const { messages } = await bob.wire.ask({ msgid: 20, conv: "u1-2" }, 21);
  assertEquals(messages.map((message: { msg: string }) => message.msg), texts);
});

Deno.test("names and group texts with SQL in them are only names", async () => {
  await using server = await TestServer.start();
  for (const name of ["' OR 1=1 --", '"; DELETE FROM user; --', "a/*b*/", "%", "_", "名前", "O'Neil 👍"]) {
    const user = await join(server, name);
    await user.wire.ask({ msgid: 9, groupname: name, groupdesc: name }, 18);
    await user.wire.ask({ msgid: 3 }, 17);
    const ack = await user.wire.ask({ msgid: 1, v: 2, name, password: user.password }, 2);
    assertEquals([ack.name, ack.groups[0].groupname, ack.groups[0].groupdesc], [name, name, name]);
    await user[Symbol.asyncDispose]();
  }
});

Deno.test("frames: glued, split into single bytes, or begun and left", async () => {
  await using server = await TestServer.start();
  await using neighbour = await join(server, "neighbour");
  const id = await register(server, "ann");
  await using left = await server.connect();
  await left.send("{");
  await using wire = await server.connect();
  const login = JSON.stringify({ msgid: 1, v: 2, id, password: "pw ann" });
  for (const byte of utf8.encode(login)) await wire.send(new Uint8Array([byte]));
  assertEquals((await wire.next(2)).errno, 0);
  const frames = Array.from(
    { length: 50 },
    (_, i) => JSON.stringify({ msgid: 6, toid: id, msg: `${i}`, mid: `${i}` }),
  );
  await wire.send(frames.join(""));
  for (let i = 0; i < 50; i++) assertEquals((await wire.next(12)).seq, i + 1);
  await healthy(neighbour);
  await left.send('"msgid":14}');
  await left.next(15);
});

onEveryPair("I9: frames mutated at random never end the server nor disturb a neighbour", async (world) => {
  const seed = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 2 ** 31));
  const random = mulberry32(seed);
  const [server] = await world.start("--rate=1000000");
  await using neighbour = await join(server, "neighbour");
  await using target = await join(server, "target");
  const valid = [
    { msgid: 1, id: target.id, password: "x", v: 2 },
    { msgid: 4, name: "n", password: "p" },
    { msgid: 6, toid: target.id, msg: "text", mid: "m" },
    { msgid: 7, friendid: target.id },
    { msgid: 8, friendid: target.id, flag: true },
    { msgid: 9, groupname: "g", groupdesc: "d" },
    { msgid: 10, groupid: 1 },
    { msgid: 11, groupid: 1, msg: "x", mid: "g" },
    { msgid: 13, conv: "u1-2", seq: 1, kind: "read" },
    { msgid: 20, conv: "u1-2", before: 5, limit: 10 },
  ];
  try {
    for (let round = 0; round < 150; round++) {
      await using wire = await server.connect();
      await wire.send({ msgid: 1, v: 2, id: target.id, password: target.password, takeover: true });
      for (let i = 0; i < 10 && !wire.closed; i++) {
        const frame = utf8.encode(JSON.stringify(valid[Math.floor(random() * valid.length)]));
        // The other side may close at any byte.
        await wire.send(mutate(frame, random)).catch((error) => assert(error instanceof Error));
      }
      if (round % 10 === 0) await healthy(neighbour);
    }
    await healthy(neighbour);
  } catch (error) {
    throw new Error(`failed with SEED=${seed}`, { cause: error });
  }
});

function mutate(frame: Uint8Array, random: () => number): Uint8Array {
  const bytes = [...frame];
  const at = () => Math.floor(random() * bytes.length);
  for (let edits = 1 + Math.floor(random() * 4); edits > 0; edits--) {
    const kind = Math.floor(random() * 6);
    if (kind === 0) bytes[at()] = Math.floor(random() * 256);
    else if (kind === 1) bytes.splice(at(), 1 + Math.floor(random() * 5));
    else if (kind === 2) bytes.splice(at(), 0, ...bytes.slice(0, Math.floor(random() * bytes.length)));
    else if (kind === 3) {
      bytes.splice(at(), 0, ...utf8.encode(["{", "}", '"', "\\", "[", "null", "1e999"][at() % 7]));
    } else if (kind === 4) bytes.length = at();
    else bytes.splice(at(), 0, ...new Array(Math.floor(random() * 2000)).fill(0x30 + at() % 10));
    if (bytes.length === 0) break;
  }
  return new Uint8Array(bytes);
}

/** A small seeded generator: https://github.com/bryc/code/blob/master/jshash/PRNGs.md */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
