import { MYSQL_MIGRATIONS } from "../../server/stores/migrations.ts";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { openMysql } from "../../server/stores/mysql/open.ts";
import { startNginx } from "../services.ts";
import { Cluster, needsServices } from "./cluster.ts";
import { type Connectable, join, logIn, register, testConfig, type User } from "./harness.ts";
import { Wire, type Wired } from "./wire.ts";

const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, fn, ...needsServices });
const oneTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

test("cluster: chat, friends, receipts, presence and history between two nodes", async () => {
  await using cluster = await Cluster.start();
  const [one, two] = [await cluster.node(), await cluster.node()];
  await using ann = await join(one, "ann");
  await using bob = await join(two, "bob");
  await ann.wire.ask({ msgid: 7, friendid: bob.id, mid: "r" }, 12);
  assertEquals((await bob.wire.next(7)).from, ann.id);
  await bob.wire.ask({ msgid: 8, friendid: ann.id, flag: true, mid: "a" }, 12);
  assertEquals((await ann.wire.next(8)).flag, true);
  for (const i of oneTo(50)) {
    await ann.wire.ask({ msgid: 6, toid: bob.id, msg: `${i}`, mid: `${i}` }, 12);
    assertEquals((await bob.wire.next(6)).seq, i + 2);
  }
  await bob.wire.send({ msgid: 13, conv: "u1-2", seq: 52, kind: "read" });
  assertEquals(await ann.wire.next(13), { msgid: 13, id: bob.id, conv: "u1-2", seq: 52, kind: "read" });
  await bob.wire.ask({ msgid: 3 }, 17);
  assertEquals((await ann.wire.next(23)).state, "offline");
  const back = await bob.wire.ask({ msgid: 1, v: 2, id: bob.id, password: bob.password }, 2);
  assertEquals(back.friends, [{ id: ann.id, name: "ann", state: "online", seen: 0 }]);
  assertEquals((await ann.wire.next(23)).state, "online");
  assertEquals((await bob.wire.ask({ msgid: 20, conv: "u1-2", limit: 200 }, 21)).messages.length, 52);
});

test("cluster: written on one node while away, read on the other; then logged in there", async () => {
  await using cluster = await Cluster.start();
  const [one, two] = [await cluster.node(), await cluster.node()];
  await using ann = await join(one, "ann");
  const id = await register(one, "bob");
  for (const i of oneTo(300)) await ann.wire.send({ msgid: 6, toid: id, msg: `${i}`, mid: `${i}` });
  for (const _ of oneTo(300)) await ann.wire.next(12);
  {
    await using bob = await logIn(two, { id, name: "bob" });
    for (const i of oneTo(300)) assertEquals((await bob.wire.next(6)).seq, i);
    await bob.wire.send({ msgid: 13, conv: "u1-2", seq: 300, kind: "delivered" });
    await bob.wire.ask({ msgid: 3 }, 17);
  }
  await using bob = await logIn(one, { id, name: "bob", v: 1 });
  assertEquals("offlinemsg" in bob.ack, false, "the cursor moved on the other node");
});

test("cluster: a group of 20 over two nodes hears everything once and in order", async () => {
  await using cluster = await Cluster.start();
  const nodes = [await cluster.node(), await cluster.node()];
  const members: User[] = [];
  for (const i of oneTo(20)) members.push(await join(nodes[i % 2]!, `user ${i}`));
  await members[0]!.wire.ask({ msgid: 9, groupname: "g", groupdesc: "" }, 18);
  for (const member of members.slice(1)) await member.wire.ask({ msgid: 10, groupid: 1 }, 19);
  await Promise.all(members.map(async ({ wire }) => {
    for (const i of oneTo(10)) await wire.send({ msgid: 11, groupid: 1, msg: "x", mid: `${i}` });
    for (const _ of oneTo(10)) await wire.next(12);
  }));
  for (const { wire, id } of members) {
    const heard: number[] = [];
    while (heard.length < 190) {
      const frame = await wire.next(11);
      assert(frame.id !== id);
      heard.push(frame.seq);
    }
    assertEquals(heard, heard.toSorted((a, b) => a - b));
    assertEquals(new Set(heard).size, 190);
  }
  for (const member of members) await member.wire[Symbol.asyncDispose]();
});

test("cluster: a frame of every kind is the same from the same node and from the other one", async () => {
  await using cluster = await Cluster.start();
  const [one, two] = [await cluster.node(), await cluster.node()];
  const seed = Math.floor(Math.random() * 2 ** 31);
  const texts = ["", "plain", '"\\', "\0\x1b", "\ud800", "👩‍👩‍👧", "\u202e", "x".repeat(60_000), `${seed}`];
  const strip = ({ at, time, conv, toid, from, id, name, ...rest }: Wired) => {
    assert(at === undefined || Math.abs(at - Date.now()) < 60_000);
    assert(time === undefined || /^\d{4}-/.test(time));
    return {
      ...rest,
      msg: `${rest.msg}`.replaceAll(/\d+/g, "N"),
      has: { conv: typeof conv, toid: typeof toid, from: typeof from, id: typeof id, name: typeof name },
    };
  };
  for (const v of [1, 2] as const) {
    const heard: unknown[][] = [];
    for (const [n, node] of [one, two].entries()) {
      await using from = await join(one, `from ${v} ${n}`);
      await using to = await join(node, `to ${v} ${n}`, v);
      const { groupid } = await from.wire.ask({ msgid: 9, groupname: "g", groupdesc: "" }, 18);
      await to.wire.send({ msgid: 10, groupid });
      await to.wire.send({ msgid: 99 });
      await to.wire.next(16);
      const ask = async (frame: object) => {
        await from.wire.ask(frame, 12);
        const { groupid: _, ...rest } = await to.wire.next(6, 7, 8, 11);
        return strip(rest as Wired);
      };
      const frames = [await ask({ msgid: 7, friendid: to.id, mid: "q" })];
      for (const [i, msg] of texts.entries()) {
        frames.push(await ask({ msgid: 6, toid: to.id, msg, mid: `c${i}` }));
        frames.push(await ask({ msgid: 11, groupid, msg, mid: `g${i}` }));
      }
      await to.wire.send({ msgid: 7, friendid: from.id, mid: "back" });
      await from.wire.next(7);
      frames.push(await ask({ msgid: 8, friendid: to.id, flag: true, mid: "a" }));
      heard.push(frames);
    }
    assertEquals(heard[1], heard[0], `seed ${seed}`);
  }
});

test("I2, I3: two nodes writing to the same conversations at full speed: contiguous, nothing refused", async () => {
  const seconds = Number(Deno.env.get("BAIT_SECONDS") ?? 5);
  await using cluster = await Cluster.start();
  const nodes = [await cluster.node(), await cluster.node()];
  const users: User[] = [];
  for (const i of oneTo(10)) users.push(await join(nodes[i % 2]!, `user ${i}`));
  await users[0]!.wire.ask({ msgid: 9, groupname: "g", groupdesc: "" }, 18);
  for (const user of users.slice(1)) await user.wire.ask({ msgid: 10, groupid: 1 }, 19);
  const until = Date.now() + seconds * 1000;
  const counts = await Promise.all(users.map(async ({ wire }, u) => {
    let sent = 0;
    let acknowledged = 0;
    const send = async () => {
      // Everybody writes to everybody and to the group: 50 conversations with both sides on different nodes.
      const toid = users[(u + 1 + sent % 9) % 10]!.id;
      const to = sent % 10 === 0 ? { msgid: 11, groupid: 1 } : { msgid: 6, toid };
      await wire.send({ ...to, msg: "bait", mid: `m${sent++}` });
    };
    for (let i = 0; i < 8; i++) await send();
    while (acknowledged < sent) {
      const frame = await wire.next(12, 16);
      assertEquals(frame.msgid, 12, JSON.stringify(frame));
      acknowledged++;
      // What others say here is read, and not looked at.
      wire.forget(6, 11);
      if (Date.now() < until) await send();
    }
    return acknowledged;
  }));
  const holes = await cluster.db.sql(
    "SELECT COUNT(*) FROM (SELECT conv FROM message GROUP BY conv HAVING COUNT(*) <> MAX(seq) OR MIN(seq) <> 1) AS h",
    { database: "chat" },
  );
  const stored = await cluster.db.sql("SELECT COUNT(*) FROM message", { database: "chat" });
  assertEquals([holes.trim(), stored.trim()], ["0", `${counts.reduce((a, b) => a + b)}`]);
  for (const user of users) await user.wire[Symbol.asyncDispose]();
});

test("I5: with Redis away messages cross by the log within 2 s, logins work, nobody reconnects; then as before", async () => {
  await using cluster = await Cluster.start();
  const [one, two] = [await cluster.node(), await cluster.node()];
  await using ann = await join(one, "ann");
  await using bob = await join(two, "bob");
  const crosses = async (mid: string, limit: number) => {
    const began = Date.now();
    await ann.wire.ask({ msgid: 6, toid: bob.id, msg: mid, mid }, 12);
    assertEquals((await bob.wire.next(6)).msg, mid);
    assert(Date.now() - began < limit, `${mid}: ${Date.now() - began} ms`);
  };
  await crosses("before", 2000);
  await cluster.redis.kill("SIGKILL");
  for (const i of oneTo(3)) await crosses(`away-${i}`, 2000);
  await using eve = await join(two, "eve");
  await ann.wire.ask({ msgid: 6, toid: eve.id, msg: "hello", mid: "eve" }, 12);
  assertEquals((await eve.wire.next(6)).msg, "hello");
  await using again = await two.connect();
  const login = { msgid: 1, v: 2, id: ann.id, password: ann.password };
  assertEquals((await again.ask(login, 2)).errno, 2, "still one session a user");
  assertEquals((await again.ask({ ...login, takeover: true }, 2)).errno, 0, "a takeover works without Redis");
  assertEquals((await ann.wire.next(22)).reason, "takeover");
  await cluster.redis.start();
  await again.ask({ msgid: 6, toid: eve.id, msg: "back", mid: "back" }, 12);
  assertEquals((await eve.wire.next(6)).msg, "back");
  cluster.redis.pause();
  await again.ask({ msgid: 6, toid: bob.id, msg: "frozen", mid: "frozen" }, 12);
  assertEquals((await bob.wire.next(6)).msg, "frozen");
  cluster.redis.resume();
  await bob.wire.settle();
  assertEquals([bob.wire.frames, eve.wire.frames], [[], []], "nothing twice");
});

test("I4: messages that a cut-off subscriber missed come as soon as it is back", async () => {
  await using cluster = await Cluster.start();
  const [one, two] = [await cluster.node(), await cluster.node()];
  await using ann = await join(one, "ann");
  await using bob = await join(two, "bob");
  const sending = (async () => {
    for (const i of oneTo(600)) {
      await ann.wire.ask({ msgid: 6, toid: bob.id, msg: `${i}`, mid: `${i}` }, 12);
      if (i % 200 === 100) await cluster.redis.cli("CLIENT", "KILL", "TYPE", "pubsub");
      if (i % 200 === 0) await cluster.redis.cli("CLIENT", "KILL", "TYPE", "normal");
    }
  })();
  for (const i of oneTo(600)) assertEquals((await bob.wire.next(6)).seq, i);
  await sending;
});

test("I4: a message that was stored and announced to nobody is pushed when its sender sends it again", async () => {
  await using cluster = await Cluster.start();
  const [one, two] = [await cluster.node(), await cluster.node()];
  await using ann = await join(one, "ann");
  await using bob = await join(two, "bob");
  // As a node does that dies between the commit and the announcement.
  const store = await openMysql({ url: cluster.db.url, poolSize: 2, wait: 0 });
  const message = { conv: "u1-2", kind: "chat", sender: ann.id, senderName: "ann", to: bob.id } as const;
  await store.log.append({ ...message, mid: "lost", body: '"lost"' });
  await store.close();
  assertEquals((await ann.wire.ask({ msgid: 6, toid: bob.id, msg: "lost", mid: "lost" }, 12)).seq, 1);
  assertEquals((await bob.wire.next(6)).msg, "lost");
  await ann.wire.ask({ msgid: 6, toid: bob.id, msg: "lost", mid: "lost" }, 12);
  await ann.wire.ask({ msgid: 6, toid: bob.id, msg: "next", mid: "next" }, 12);
  assertEquals((await bob.wire.next(6)).msg, "next", "and not twice");
});

test("I5: a wake-up that is lost with the publishing connection is made good within 2 s", async () => {
  await using cluster = await Cluster.start();
  const [one, two] = [await cluster.node(), await cluster.node()];
  await using ann = await join(one, "ann");
  await using bob = await join(two, "bob");
  for (const i of oneTo(8)) {
    const cut = cluster.redis.cli("CLIENT", "KILL", "TYPE", "normal");
    for (const n of oneTo(20)) await ann.wire.ask({ msgid: 6, toid: bob.id, msg: "x", mid: `${i}-${n}` }, 12);
    await cut;
    const began = Date.now();
    for (const n of oneTo(20)) assertEquals((await bob.wire.next(6)).mid, `${i}-${n}`);
    assert(Date.now() - began < 2500, `${Date.now() - began} ms`);
  }
});

test("I6: 200 users logging in on two nodes at the same instant: exactly one success each", async () => {
  await using cluster = await Cluster.start();
  const nodes = [await cluster.node(), await cluster.node()];
  const tokens: string[] = [];
  await Promise.all(
    oneTo(4).map(async (worker) => {
      await using wire = await nodes[worker % 2]!.connect();
      for (let i = 0; i < 50; i++) {
        const { id } = await wire.ask({ msgid: 4, name: `${worker} ${i}`, password: "p" }, 5);
        tokens.push((await wire.ask({ msgid: 1, v: 2, id, password: "p" }, 2)).token);
        await wire.ask({ msgid: 3 }, 17);
      }
    }),
  );
  const pairs = await Promise.all(
    tokens.map(async (token) => ({ token, wires: await Promise.all(nodes.map((node) => node.connect())) })),
  );
  const began = performance.now();
  const results = await Promise.all(pairs.map(async ({ token, wires }) => {
    const acks = await Promise.all(wires.map((wire) => wire.ask({ msgid: 1, v: 2, token }, 2)));
    return acks.map((ack) => ack.errno).sort().join();
  }));
  const ms = Math.round(performance.now() - began);
  assertEquals(results.filter((result) => result !== "0,2"), [], `after ${ms} ms`);
  for (const { wires } of pairs) for (const wire of wires) await wire[Symbol.asyncDispose]();
});

test("I6: takeovers from both nodes at once: one session remains, every other client is told", async () => {
  await using cluster = await Cluster.start();
  const nodes = [await cluster.node(), await cluster.node()];
  await using ann = await join(nodes[0]!, "ann");
  const wires = await Promise.all(oneTo(6).map((i) => nodes[i % 2]!.connect()));
  const login = { msgid: 1, v: 2, id: ann.id, password: ann.password, takeover: true };
  const acks = await Promise.all(wires.map((wire) => wire.ask(login, 2)));
  const winners = acks.filter((ack) => ack.errno === 0).length;
  await ann.wire.next(22);
  await ann.wire.gone();
  const told = (await Promise.all(wires.map(async (wire, i) => {
    if (acks[i]!.errno !== 0) return "refused";
    await wire.send({ msgid: 14 });
    return (await wire.next(15, 22)).msgid === 22 ? "told" : "in";
  }))).filter((what) => what !== "refused");
  assertEquals(told.filter((what) => what === "in").length, 1, `${told}`);
  assertEquals(told.length, winners);
  for (const wire of wires) await wire[Symbol.asyncDispose]();
});

test("I6: a node that dies frees its users within 10 s, and their friends see it", async () => {
  await using cluster = await Cluster.start();
  const [one, two] = [await cluster.process(), await cluster.process()];
  await using ann = await join(one, "ann");
  await using bob = await join(two, "bob");
  await ann.wire.ask({ msgid: 7, friendid: bob.id, mid: "r" }, 12);
  await bob.wire.ask({ msgid: 8, friendid: ann.id, flag: true, mid: "a" }, 12);
  await ann.wire.next(8);
  // One who does not come back: the news of his absence is not overtaken by a login.
  await using carl = await join(one, "carl");
  await carl.wire.ask({ msgid: 7, friendid: bob.id, mid: "r" }, 12);
  await bob.wire.ask({ msgid: 8, friendid: carl.id, flag: true, mid: "c" }, 12);
  // Long enough alive to judge others.
  await new Promise((resolve) => setTimeout(resolve, 5500));
  const began = Date.now();
  await one.end("SIGKILL");
  const absent = bob.wire.find((frame) => frame.msgid === 23 && frame.id === carl.id, "news of carl")
    .then((frame) => ({ frame, after: Date.now() - began }));
  await using again = await two.connect();
  const login = { msgid: 1, v: 2, id: ann.id, password: ann.password };
  assertEquals((await again.ask(login, 2)).errno, 2, "not yet: the node could be alive");
  while ((await again.ask(login, 2)).errno !== 0) await new Promise((resolve) => setTimeout(resolve, 100));
  const free = Date.now() - began;
  assert(free < 10_000, `free after ${free} ms`);
  const { frame, after } = await absent;
  assertEquals(frame.state, "offline");
  assert(after < 10_000, `seen after ${after} ms`);
});

test("I6: a frozen node that wakes after its lease has gone ends its sessions before it serves", async () => {
  await using cluster = await Cluster.start();
  const [one, two] = [await cluster.process(), await cluster.process()];
  await using ann = await join(one, "ann");
  await using bob = await join(two, "bob");
  await new Promise((resolve) => setTimeout(resolve, 5500));
  Deno.kill(one.pid, "SIGSTOP");
  await using again = await two.connect();
  const login = { msgid: 1, v: 2, id: ann.id, password: ann.password };
  while ((await again.ask(login, 2)).errno !== 0) await new Promise((resolve) => setTimeout(resolve, 100));
  // What waits in its sockets when it wakes: a message of the old session, and one to it.
  await ann.wire.send({ msgid: 6, toid: bob.id, msg: "from the old session", mid: "old" });
  await bob.wire.ask({ msgid: 6, toid: ann.id, msg: "for the new session", mid: "new" }, 12);
  assertEquals((await again.next(6)).msg, "for the new session");
  Deno.kill(one.pid, "SIGCONT");
  await ann.wire.gone();
  assertEquals(
    ann.wire.frames.filter((frame) => frame.msgid === 6 || frame.msgid === 12),
    [],
    "it served nothing",
  );
  await bob.wire.settle();
  assertEquals(bob.wire.frames.filter((frame) => frame.msgid === 6), []);
  await using probe = await one.connect();
  // Until it has looked what became of its leases it refuses everything.
  while ((await probe.ask({ msgid: 14 }, 15, 16)).msgid === 16);
  await using eve = await join(one, "eve");
  await eve.wire.ask({ msgid: 6, toid: bob.id, msg: "it serves again", mid: "eve" }, 12);
  assertEquals((await bob.wire.next(6)).msg, "it serves again");
});

test("nginx: two users on different nodes through the balancer; a reload under load drops nobody", async () => {
  await using cluster = await Cluster.start();
  const nodes = [await cluster.node(), await cluster.node()];
  await using nginx = await startNginx({ upstreams: nodes.map((node) => node.port) });
  const door: Connectable = { connect: () => Wire.connect(nginx.port) };
  // The balancer alternates: two users who come one after the other are on different nodes.
  await using ann = await join(door, "ann");
  await using bob = await join(door, "bob");
  const at = nodes.map((node) => node.sessions);
  assertEquals(at, [1, 1]);
  await using carl = await join(door, "carl", 1);
  const writing = (async () => {
    for (const i of oneTo(400)) {
      await ann.wire.ask({ msgid: 6, toid: bob.id, msg: `${i}`, mid: `${i}` }, 12);
      if (i % 100 === 0) await nginx.reload();
    }
  })();
  for (const i of oneTo(400)) assertEquals((await bob.wire.next(6)).seq, i);
  await writing;
  await carl.wire.send({ msgid: 6, id: carl.id, toid: ann.id, msg: "still here" });
  assertEquals((await ann.wire.next(6)).msg, "still here");
});

test("start: two nodes starting together migrate once; what cannot be reached is a sentence", async () => {
  await using cluster = await Cluster.start();
  const nodes = await Promise.all(oneTo(4).map(() => cluster.node()));
  assertEquals(
    (await cluster.db.sql("SELECT COUNT(*) FROM schemaversion", { database: "chat" })).trim(),
    `${MYSQL_MIGRATIONS.length}`,
  );
  await using ann = await join(nodes[3]!, "ann");
  await ann.wire.settle();
  const { port } = cluster.db;
  const cases: [string[], RegExp][] = [
    [
      ["--db=mysql://chat:wrong@127.0.0.1:" + port + "/chat"],
      /127\.0\.0\.1:\d+: access denied for user chat/,
    ],
    [[`--db=${cluster.db.url.replace(/chat$/, "chat_none")}`], /unknown database chat_none/],
    [["--db=mysql://chat:secret@127.0.0.1:1/chat"], /127\.0\.0\.1:1: connection refused/],
    [
      [`--db=${cluster.db.url}`, "--redis=redis://:secret@127.0.0.1:1"],
      /Redis at 127\.0\.0\.1:1: connection refused/,
    ],
  ];
  for (const [flags, says] of cases) {
    const error = await cluster.node("--wait=0", ...flags).then(() => undefined, (error) => error);
    assertEquals(error?.name, "StartupError");
    assertMatch(error.message, says);
    assertEquals(error.message.includes("secret") || error.message.includes("wrong"), false, error.message);
  }
  assertEquals(testConfig(`--db=${cluster.db.url}`)["db-pool"], 10);
});
