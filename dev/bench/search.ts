// deno-lint-ignore-file no-console -- a command-line tool
/**
 * What searching costs: `deno run -A dev/bench/search.ts [ENTRIES]`. On SQLite, messages a second with the index being
 * built and without; then, on both stores, how long a search takes among so many entries (300,000 if left out).
 */
import { DatabaseSync } from "node:sqlite";
import { openMysql } from "../../server/stores/mysql/open.ts";
import { openSqlite } from "../../server/stores/sqlite/open.ts";
import type { Store } from "../../server/stores/store.ts";
import { Random } from "../faults/random.ts";
import { startMariaDb } from "../services/mariadb.ts";
import { median } from "./statistics.ts";

/** Appends under way at once, as of so many clients that wait for each. */
const IN_FLIGHT = 1200;
const PAIRS = 100;
const ROUNDS = 8;
const SECONDS = 3;
/** What the system counts processor time in, in µs. */
const TICK = 10_000;
/** What is looked for: texts that nearly all, some, one and none of the entries have. */
const QUERIES = ["th", "天气", "hello", "王芳", "xylophone", "needle", "absent", "鹈鹕"];
const LATIN = "the be to of and a in that have I it for not on with he as you do at hello this but his by"
  .split(" ");
const HAN = [..."的一是不了人我在有他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生天气王芳"];

/** A text of 20 to 60 characters, half of them Chinese. */
function textOf(random: Random): string {
  if (random.chance(0.5)) {
    return Array.from({ length: random.between(5, 14) }, () => random.pick(LATIN)).join(" ");
  }
  return Array.from({ length: random.between(8, 30) }, () => random.pick(HAN)).join("");
}

const entry = ({ sender, to, text }: { sender: number; to: number; text: string }) => ({
  ...{ conv: `u${sender}-${to}`, kind: "chat" as const, senderName: "", mid: null },
  ...{ sender, to, body: JSON.stringify(text) },
});

async function users(store: Store, count: number): Promise<void> {
  for (let n = 1; n <= count; n++) await store.accounts.create(`user ${n}`, "x");
}

/** Processor time that this process has used, in µs. */
function used(): number {
  const fields = Deno.readTextFileSync("/proc/self/stat").replace(/^.*\) /s, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK;
}

interface Rate {
  readonly messages: number;
  /** µs of the processor a message, indexing included. */
  readonly cost: number;
}

/** How many messages a second, with everybody writing who can. */
async function rate(store: Store, random: Random): Promise<Rate> {
  const before = used();
  const end = performance.now() + 1000 * SECONDS;
  let done = 0;
  const texts = Array.from({ length: 1000 }, () => textOf(random));
  await Promise.all(Array.from({ length: IN_FLIGHT }, async (_, n) => {
    const sender = 1 + 2 * (n % PAIRS);
    while (performance.now() < end) {
      await store.log.append(entry({ sender, to: sender + 1, text: texts[done % 1000]! }));
      done++;
    }
  }));
  return { messages: done / SECONDS, cost: (used() - before) / done };
}

async function appends(folder: string): Promise<void> {
  const random = new Random(1);
  const stores = {
    on: await openSqlite({ path: `${folder}/on.db`, durability: "full" }),
    off: await openSqlite({ path: `${folder}/off.db`, durability: "full", search: false }),
  };
  const rates = { on: [] as Rate[], off: [] as Rate[] };
  for (const store of Object.values(stores)) {
    await users(store, 2 * PAIRS);
    await rate(store, random);
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of round % 2 === 0 ? ["on", "off"] as const : ["off", "on"] as const) {
      rates[name].push(await rate(stores[name], random));
      // What is indexed afterwards is not the next one's.
      await stores.on.close();
      stores.on = await openSqlite({ path: `${folder}/on.db`, durability: "full" });
    }
  }
  const of = (part: keyof Rate, round: number) => rates.on[round]![part] / rates.off[round]![part];
  for (const part of ["messages", "cost"] as const) {
    const ratios = rates.on.map((_, round) => of(part, round));
    const [on, off] = [rates.on, rates.off].map((some) => median(some.map((rate) => rate[part])).toFixed(1));
    const each = ratios.map((ratio) => ratio.toFixed(2)).join(" ");
    console.log(
      `SQLite, append, ${part}: on ${on}, off ${off}, ratio ${median(ratios).toFixed(3)} (${each})`,
    );
  }
  for (const store of Object.values(stores)) await store.close();
}

/** Searches a few times. */
async function searches(name: string, store: Store): Promise<void> {
  for (const text of [...QUERIES]) {
    const times: number[] = [];
    let found = 0;
    let more = false;
    for (let n = 0; n < 5; n++) {
      const began = performance.now();
      const page = (await store.search.find({ user: 1, text, limit: 50 }))!;
      times.push(performance.now() - began);
      [found, more] = [page.found.length, page.next !== undefined];
    }
    console.log(`${name}, ${text}: ${median(times).toFixed(1)} ms, ${found} found${more ? ", more" : ""}`);
  }
}

const CONVS = 40;

/** So many entries, of which user 1 may read the given share. */
function* rows(count: number, share: number): Generator<[number, string, number, string]> {
  const random = new Random(2);
  const seqs = new Map<string, number>();
  for (let id = 1; id <= count; id++) {
    const other = random.between(2, CONVS);
    const conv = random.chance(share) ? `u1-${other}` : `u${other + CONVS}-${other + 2 * CONVS}`;
    const seq = (seqs.get(conv) ?? 0) + 1;
    seqs.set(conv, seq);
    yield [id, conv, seq, JSON.stringify(id === count >> 1 ? "one needle" : textOf(random))];
  }
}

async function onSqlite(folder: string, { count, share }: { count: number; share: number }): Promise<void> {
  const path = `${folder}/search ${share}.db`;
  await (await openSqlite({ path, durability: "normal" })).close();
  {
    using db = new DatabaseSync(path);
    db.exec("BEGIN");
    const add = db.prepare(
      "INSERT INTO entry (id, conv, seq, sender, kind, body, at) VALUES (?, ?, ?, 1, 'chat', ?, ?)",
    );
    for (const [id, conv, seq, body] of rows(count, share)) add.run(id, conv, seq, body, id);
    db.exec(`INSERT INTO entry_place SELECT conv, seq, id FROM entry ORDER BY conv, seq;
      INSERT INTO conversation SELECT conv, max(seq) FROM entry GROUP BY conv;
      INSERT INTO progress SELECT 1, conv, 0, 0, 0 FROM conversation WHERE conv LIKE 'u1-%';
      UPDATE filed SET id = ${count}; UPDATE searched SET low = ${count}, high = ${count}; COMMIT`);
  }
  const size = async () => (await Deno.stat(path)).size / 2 ** 20;
  const before = await size();
  const store = await openSqlite({ path, durability: "normal" });
  await searches(`SQLite, ${share * count} of ${count}, nothing indexed`, store);
  const began = performance.now();
  using db = new DatabaseSync(path, { readOnly: true });
  while (Number(db.prepare("SELECT low FROM searched").get()?.low) > 0) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  console.log(`SQLite: ${count} entries indexed in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  await searches(`SQLite, ${share * count} of ${count}, indexed`, store);
  db.close();
  await store.close();
  console.log(`SQLite: the file has ${(await size()).toFixed(0)} MB, ${before.toFixed(0)} without the index`);
}

async function onMariaDb({ count, share }: { count: number; share: number }): Promise<void> {
  await using server = await startMariaDb({ flushLogAtCommit: 0 });
  const store = await openMysql({ url: server.url, poolSize: 4, wait: 0 });
  const sql = (text: string) => server.sql(text, { database: "chat" });
  let some: string[] = [];
  const flush = async () => {
    await sql(`INSERT INTO message (conv, seq, sender, mid, kind, body, at) VALUES ${some.join(",")}`);
    some = [];
  };
  for (const [id, conv, seq, body] of rows(count, share)) {
    some.push(`('${conv}',${seq},1,'m${id}','chat','${body}',${id})`);
    if (some.length === 1000) await flush();
  }
  if (some.length > 0) await flush();
  await sql(`INSERT INTO conversation SELECT DISTINCT conv FROM message;
    INSERT INTO progress SELECT 1, conv, 0, 0, 0 FROM conversation WHERE conv LIKE 'u1-%'`);
  await searches(`MariaDB, ${share * count} of ${count}`, store);
  await store.close();
}

if (import.meta.main) {
  const count = Number(Deno.args[0] ?? 300_000);
  const folder = await Deno.makeTempDir();
  try {
    await appends(folder);
    for (const share of [0.1, 0.9]) await onSqlite(folder, { count, share });
    await onMariaDb({ count, share: 0.9 });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
