import { assert, assertEquals, assertRejects } from "@std/assert";
import { pairConv } from "../../server/protocol/conversation.ts";
import type { Kind, LogMessage } from "../../server/protocol/messages.ts";
import { openMysql } from "../../server/stores/mysql/open.ts";
import { type Appended, type NewMessage, type Store, StoreUnavailable } from "../../server/stores/store.ts";
import { Random, randomSeed } from "../faults/random.ts";
import { haveServices, type MariaDb, startMariaDb } from "../services.ts";

const services = await haveServices();

const test = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name: `MariaDB append: ${name}`, ignore: !services.ok, fn });

function entry(from: number, to: number, about: { mid: string; body?: string; kind?: Kind }): NewMessage {
  const { mid, body = '"x"', kind = "chat" } = about;
  return { conv: pairConv(from, to), kind, sender: from, senderName: `${from}`, to, mid, body };
}

/** Stores on one database, with so many users. */
async function stores(db: MariaDb, options: { count: number; users: number; onOlder?: () => void }) {
  const { count, users, onOlder } = options;
  const all: Store[] = [];
  const opening = { url: db.url, poolSize: 4, wait: 0, ...(onOlder && { onOlder }) };
  for (let i = 0; i < count; i++) all.push(await openMysql(opening));
  for (let i = 1; i <= users; i++) await all[0]!.accounts.create(`u${i}`, "x");
  return {
    all,
    async [Symbol.asyncDispose]() {
      for (const store of all) await store.close();
    },
  };
}

const seqOf = (result: Appended) => "stored" in result ? result.stored.seq : NaN;

/** Statements that were executed so far. */
async function executed(db: MariaDb): Promise<number> {
  return Number((await db.sql("SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'")).split("\t")[1]);
}

/** Conversations whose numbers are not 1, 2, 3, …; "" if there is none. */
const holes = (db: MariaDb) =>
  db.sql("SELECT conv FROM message GROUP BY conv HAVING COUNT(*) <> MAX(seq) OR MIN(seq) <> 1", {
    database: "chat",
  });

test("of 200 messages one cannot be stored: 199 are, one is refused, in order", async () => {
  await using db = await startMariaDb({ flushLogAtCommit: 0 });
  await using opened = await stores(db, { count: 1, users: 20 });
  const store = opened.all[0]!;
  await db.sql(
    `CREATE TRIGGER no_bad BEFORE INSERT ON message FOR EACH ROW
       BEGIN IF NEW.body = '"bad"' THEN SIGNAL SQLSTATE '45000'; END IF; END`.replace(/^/, "DELIMITER //\n") +
      "//",
    { database: "chat" },
  );
  const sent = Array.from({ length: 200 }, (_, i) => {
    const from = i % 10 + 1;
    return store.log.append(entry(from, from + 10, { mid: `m${i}`, body: i === 123 ? '"bad"' : `"${i}"` }));
  });
  const results = await Promise.allSettled(sent);
  const refused = results.flatMap(({ status }, i) => status === "rejected" ? [i] : []);
  assertEquals(refused, [123]);
  assertEquals(await holes(db), "");
  const order = await db.sql(
    "SELECT conv FROM message AS a JOIN message AS b USING (conv) WHERE a.seq < b.seq AND " +
      "CAST(TRIM(BOTH '\"' FROM a.body) AS SIGNED) > CAST(TRIM(BOTH '\"' FROM b.body) AS SIGNED)",
    { database: "chat" },
  );
  assertEquals(order, "");
});

test("a server with autocommit=0, max_allowed_packet=1M and no sql_mode", async () => {
  const args = ["--autocommit=0", "--max-allowed-packet=1M", "--sql-mode="];
  await using db = await startMariaDb({ flushLogAtCommit: 0, args });
  await using opened = await stores(db, { count: 2, users: 20 });
  const [one, two] = opened.all as [Store, Store];
  // Each of its characters takes three bytes.
  const body = JSON.stringify("語".repeat(20_000));
  const results = await Promise.all(Array.from({ length: 60 }, (_, i) => {
    const from = i % 10 + 1;
    return one.log.append(entry(from, from + 10, { mid: `m${i}`, body }));
  }));
  assertEquals(results.map(seqOf), Array.from({ length: 60 }, (_, i) => Math.floor(i / 10) + 1));
  assertEquals((await two.log.conversations(1)).map(({ seq }) => seq), [6]);
});

test("two people who answer each other from two nodes cost one statement a message", async () => {
  await using db = await startMariaDb({ flushLogAtCommit: 0 });
  await using opened = await stores(db, { count: 2, users: 2 });
  const [one, two] = opened.all as [Store, Store];
  const say = async (n: number) => {
    const [from, to] = n % 2 ? [one, two] : [two, one];
    const seq = seqOf(await from.log.append(entry(n % 2 ? 1 : 2, n % 2 ? 2 : 1, { mid: `m${n}` })));
    to.log.heard({ ...entry(1, 2, { mid: "heard" }), seq, at: 0 });
    return seq;
  };
  for (let n = 1; n <= 10; n++) await say(n);
  const before = await executed(db);
  for (let n = 11; n <= 110; n++) assertEquals(await say(n), n);
  assertEquals(await executed(db) - before, 100);
});

test("what was heard in the wrong order, twice, or of far ahead makes no hole", async () => {
  await using db = await startMariaDb({ flushLogAtCommit: 0 });
  await using opened = await stores(db, { count: 2, users: 2 });
  const [one, two] = opened.all as [Store, Store];
  for (let n = 1; n <= 5; n++) await one.log.append(entry(1, 2, { mid: `a${n}` }));
  for (let n = 6; n <= 9; n++) await two.log.append(entry(1, 2, { mid: `a${n}` }));
  const logged: LogMessage = { ...entry(1, 2, { mid: "heard" }), seq: 0, at: 0 };
  for (const seq of [9, 7, 6, 6, 8, 1000]) one.log.heard({ ...logged, seq });
  assertEquals(seqOf(await one.log.append(entry(1, 2, { mid: "a10" }))), 10);
  assertEquals(await holes(db), "");
});

test("a database that lost what was committed is noticed before anything is written to it", async () => {
  await using db = await startMariaDb({ flushLogAtCommit: 0 });
  let noticed = 0;
  await using opened = await stores(db, { count: 1, users: 4, onOlder: () => noticed++ });
  const store = opened.all[0]!;
  const { log } = await store.cluster.read();
  for (let n = 1; n <= 7; n++) await store.log.append(entry(1, 2, { mid: `m${n}` }));
  await store.log.append(entry(3, 4, { mid: "other" }));
  await db.restart();
  await store.log.append(entry(3, 4, { mid: "same as it was" }));
  assertEquals(noticed, 0);
  await db.sql("DELETE FROM message WHERE conv = 'u1-2' AND seq > 3", { database: "chat" });
  await db.restart();
  // Its sender has to send first what was lost before it.
  await assertRejects(() => store.log.append(entry(3, 4, { mid: "third" })), StoreUnavailable, "older");
  assertEquals(noticed, 1);
  assertEquals(seqOf(await store.log.append(entry(3, 4, { mid: "third" }))), 3);
  assert((await store.cluster.read()).log !== log);
  // Sent again, what was lost is stored again.
  for (let n = 1; n <= 7; n++) assertEquals(seqOf(await store.log.append(entry(1, 2, { mid: `m${n}` }))), n);
});

test("everybody at once on two nodes: contiguous, once, and friends as the log says", async () => {
  const seed = Number(Deno.env.get("SEED") ?? randomSeed());
  try {
    await everybodyAtOnce(new Random(seed));
  } catch (error) {
    throw new Error(`failed with SEED=${seed}`, { cause: error });
  }
});

async function everybodyAtOnce(random: Random): Promise<void> {
  await using db = await startMariaDb({ flushLogAtCommit: 0 });
  await using opened = await stores(db, { count: 2, users: 6 });
  const acknowledged = new Map<string, number>();
  const kinds: Kind[] = ["chat", "chat", "chat", "request", "accept", "refuse"];
  await Promise.all(Array.from({ length: 1500 }, async (_, i) => {
    const from = random.between(1, 3);
    const to = from % 6 + 1;
    const back = random.chance(0.5);
    const mid = `m${random.between(1, 1200)}`;
    const [sender, receiver] = back ? [to, from] : [from, to];
    const message = entry(sender, receiver, { mid, kind: random.pick(kinds), body: `"${i}"` });
    await new Promise((resolve) => setTimeout(resolve, random.between(0, 1500)));
    const result = await random.pick(opened.all).log.append(message);
    if (!("stored" in result)) return;
    const { conv, seq } = result.stored;
    const key = `${sender} ${mid} ${conv}`;
    assertEquals(acknowledged.get(key) ?? seq, seq, "one mid, one number");
    acknowledged.set(key, seq);
  }));
  assertEquals(await holes(db), "");
  const twice = "SELECT sender, mid FROM message GROUP BY sender, mid HAVING COUNT(*) > 1";
  assertEquals(await db.sql(twice, { database: "chat" }), "");
  assertEquals(Number(await db.sql("SELECT COUNT(*) FROM message", { database: "chat" })), acknowledged.size);
  // The last step of each pair, as the log has it, against the tables.
  const steps = (await db.sql(
    "SELECT conv, sender, kind FROM message WHERE kind <> 'chat' ORDER BY conv, seq",
    { database: "chat" },
  )).split("\n").map((line) => line.split("\t"));
  const friends = new Set<string>();
  const requests = new Set<string>();
  for (const [conv, sender, kind] of steps) {
    const [low, high] = conv!.slice(1).split("-");
    const other = sender === low ? high : low;
    if (kind === "request") requests.add(`${sender}\t${other}`);
    else requests.delete(`${other}\t${sender}`);
    if (kind !== "accept") continue;
    requests.delete(`${sender}\t${other}`);
    friends.add(`${low}\t${high}`).add(`${high}\t${low}`);
  }
  const table = async (name: string) =>
    new Set(
      (await db.sql(`SELECT userid, friendid FROM ${name}`, { database: "chat" })).split("\n").filter(
        Boolean,
      ),
    );
  assertEquals((await table("friend")).symmetricDifference(friends), new Set());
  assertEquals((await table("friendrequest")).symmetricDifference(requests), new Set());
}

test("I12: a database that lost an entry, whose number another one has by now, is noticed by the heartbeat", async () => {
  await using db = await startMariaDb({ flushLogAtCommit: 0 });
  let noticed = 0;
  await using opened = await stores(db, { count: 1, users: 2, onOlder: () => noticed++ });
  const store = opened.all[0]!;
  await store.leases.enter({ id: "one", beat: 1 });
  await store.leases.beat("one");
  assertEquals(seqOf(await store.log.append(entry(1, 2, { mid: "lost" }))), 1);
  // A copy that lacks the last entry takes over, and another node is faster.
  await db.sql("UPDATE message SET mid = 'other' WHERE mid = 'lost'", { database: "chat" });
  await db.restart();
  while (noticed === 0) await store.leases.beat("one").catch(() => "not yet");
  assertEquals(noticed, 1);
  await store.leases.beat("one");
  assertEquals([noticed, (await store.cluster.read()).log.length], [1, 12]);
});

test("entries of one conversation keep the order of the calls, whether in the pipeline or in a lane", async () => {
  await using db = await startMariaDb({ flushLogAtCommit: 0 });
  await using opened = await stores(db, { count: 2, users: 30 });
  const [one, two] = opened.all as [Store, Store];
  const busy = { on: true };
  const others = Array.from({ length: 20 }, async (_, i) => {
    for (let n = 0; busy.on; n++) await one.log.append(entry(10, 11 + i % 19, { mid: `other ${i} ${n}` }));
  });
  const sent: Promise<unknown>[] = [];
  const say = (store: Store, [from, to]: readonly [number, number], about: { mid: string; kind?: Kind }) =>
    sent.push(store.log.append(entry(from, to, about)));
  // Both nodes write to one conversation, and a step of becoming friends comes before many messages.
  say(one, [3, 4], { mid: "m000", kind: "request" });
  for (let n = 1; n <= 300; n++) {
    const mid = `m${`${n}`.padStart(3, "0")}`;
    say(one, [1, 2], { mid });
    say(two, [2, 1], { mid });
    say(one, [3, 4], { mid });
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(sent);
  busy.on = false;
  await Promise.all(others);
  const order = "SELECT a.conv, a.sender, a.mid FROM message AS a JOIN message AS b USING (conv, sender) " +
    "WHERE conv IN ('u1-2', 'u3-4') AND a.seq < b.seq AND a.mid > b.mid";
  assertEquals(await db.sql(order, { database: "chat" }), "");
});

test("I12: after another node has named the log anew, a later loss is noticed, too", async () => {
  await using db = await startMariaDb({ flushLogAtCommit: 0 });
  let noticed = 0;
  await using opened = await stores(db, { count: 1, users: 2, onOlder: () => noticed++ });
  const store = opened.all[0]!;
  await store.leases.enter({ id: "one", beat: 1 });
  const first = (await store.cluster.read()).log;
  const second = await store.cluster.renameLog(first);
  store.cluster.adopt(second);
  assertEquals(seqOf(await store.log.append(entry(1, 2, { mid: "lost" }))), 1);
  await db.sql("DELETE FROM message", { database: "chat" });
  await db.restart();
  while (noticed === 0) await store.leases.beat("one").catch(() => "not yet");
  assert(![first, second].includes((await store.cluster.read()).log));
});

test("a conversation whose entries another program has locked holds the others up once, not with each message", async () => {
  await using db = await startMariaDb({ flushLogAtCommit: 0 });
  await using opened = await stores(db, { count: 1, users: 4 });
  const store = opened.all[0]!;
  await store.log.append(entry(1, 2, { mid: "a" }));
  await store.log.append(entry(3, 4, { mid: "a" }));
  // Until it is killed below.
  const lock = db.sql(
    `SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION;
     SELECT seq INTO @locked FROM message WHERE conv = 'u1-2' FOR UPDATE; SELECT SLEEP(60)`,
    { database: "chat" },
  ).catch(() => "killed");
  const locking =
    "SELECT id FROM information_schema.processlist WHERE info LIKE '%SLEEP(60)%' AND info NOT LIKE '%processlist%'";
  let id = "";
  while (id === "") id = await db.sql(locking);
  await assertRejects(() => store.log.append(entry(1, 2, { mid: "b" })), StoreUnavailable);

  const stuck = store.log.append(entry(1, 2, { mid: "c" })).then(() => "stored", () => "refused");
  const began = performance.now();
  assertEquals(seqOf(await store.log.append(entry(3, 4, { mid: "b" }))), 2);
  const took = performance.now() - began;
  // A statement waits a second for a lock.
  assert(took < 700, `the others waited ${took.toFixed()} ms`);
  assertEquals(await stuck, "refused");

  await db.sql(`KILL ${id}`);
  await lock;
  assertEquals(seqOf(await store.log.append(entry(1, 2, { mid: "b" }))), 2);
  assertEquals(await holes(db), "");
});

test("I12: a second failover that gives the log its old name back is noticed, too", async () => {
  await using db = await startMariaDb({ flushLogAtCommit: 0 });
  let noticed = 0;
  await using opened = await stores(db, { count: 1, users: 2, onOlder: () => noticed++ });
  const store = opened.all[0]!;
  await store.leases.enter({ id: "one", beat: 1 });
  const first = (await store.cluster.read()).log;
  const fail = async (how: string) => {
    const before = noticed;
    await db.sql(how, { database: "chat" });
    await db.restart();
    while (noticed === before) await store.leases.beat("one").catch(() => "not yet");
    return (await store.cluster.read()).log;
  };
  assertEquals(seqOf(await store.log.append(entry(1, 2, { mid: "lost" }))), 1);
  const second = await fail("DELETE FROM message");
  assert(second !== first);
  // A copy from before the log was named anew.
  const third = await fail(`UPDATE cluster SET log = '${first}'`);
  assert(![first, second].includes(third), `${third} is not ${first} again`);
});
