import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { Random, randomSeed } from "../faults/random.ts";
import { needleOf } from "../../server/stores/matching.ts";
import { Indexing } from "../../server/stores/sqlite/indexing.ts";
import { migrate } from "../../server/stores/sqlite/migrate.ts";
import { SqliteSearcher } from "../../server/stores/sqlite/searcher.ts";

const ALPHABET = [..."aAbB 王芳李\"\\%_'*", "👍", "\n", "\ud83d", "é", "É"];
const CONVS = ["u1-2", "g1", "g2", "u2-3"];
/** Of user 1: where each view begins. The last conversation is somebody else's. */
const JOINED = new Map([["u1-2", 0], ["g1", 40], ["g2", 0]]);

interface Said {
  readonly id: number;
  readonly conv: string;
  readonly seq: number;
  text: string | undefined;
}

/** Random texts in a database in memory, and what may happen to them. */
function setUp(seed: number) {
  const random = new Random(seed);
  const one = <T>(all: readonly T[]): T => all[Math.floor(random.next() * all.length)]!;
  const some = (from: number, to: number) =>
    Array.from({ length: from + Math.floor(random.next() * (to - from + 1)) }, () => one(ALPHABET)).join("");
  const db = new DatabaseSync(":memory:");
  migrate(db, { path: "", report: () => {} });
  db.exec("INSERT INTO user (id, name, password, created) VALUES (1, 'ann', 'x', 0), (2, 'bob', 'x', 0)");
  for (const [conv, joined] of JOINED) {
    db.prepare('INSERT INTO progress (userid, conv, joined, delivered, "read") VALUES (1, ?, ?, 0, 0)')
      .run(conv, joined);
  }
  const said: Said[] = [];
  const purged = new Set<Said>();
  const seqs = new Map<string, number>();
  return {
    db,
    said,
    some,
    chance: (p: number) => random.next() < p,
    one,
    say() {
      const conv = one(CONVS);
      const seq = (seqs.get(conv) ?? 0) + 1;
      seqs.set(conv, seq);
      const text = some(0, 12);
      const id = said.length + 1;
      said.push({ id, conv, seq, text });
      db.prepare(
        "INSERT INTO entry (id, conv, seq, sender, kind, body, at) VALUES (?, ?, ?, 2, 'chat', ?, ?)",
      )
        .run(id, conv, seq, JSON.stringify(text), 1000 + Math.floor(id / 3));
      db.prepare("INSERT INTO entry_place (conv, seq, id) VALUES (?, ?, ?)").run(conv, seq, id);
      db.prepare("UPDATE filed SET id = ?").run(id);
      db.prepare("INSERT OR REPLACE INTO conversation (conv, seq) VALUES (?, ?)").run(conv, seq);
    },
    reword(entry: Said, text: string | undefined) {
      if (purged.has(entry)) return;
      entry.text = text;
      db.prepare("UPDATE entry SET body = ? WHERE id = ?")
        .run(text === undefined ? "" : JSON.stringify(text), entry.id);
    },
    purge(entry: Said) {
      purged.add(entry);
      entry.text = undefined;
      db.prepare("DELETE FROM entry WHERE id = ?").run(entry.id);
    },
    /** Ids of what user 1 should find, the newest first. */
    expected(text: string): number[] {
      const needle = needleOf(text);
      return said.filter(({ conv, seq, text }) =>
        text !== undefined && seq > (JOINED.get(conv) ?? Infinity) && needle.matches(JSON.stringify(text))
      ).map(({ id }) => id).reverse();
    },
  };
}

const all = { user: 1, limit: 100_000 };

Deno.test("searcher: the index, a look at everything, and one's own entries find the same at every moment", () => {
  const seed = Number(Deno.env.get("SEED") ?? randomSeed());
  const world = setUp(seed);
  using db = world.db;
  const indexing = new Indexing(db, { report: ({ message }) => assert(false, message) });
  const searchers = [new SqliteSearcher(db), new SqliteSearcher(db, { own: -1 })];
  let indexed = 0;
  for (let step = 0; step < 1500; step++) {
    world.say();
    if (world.chance(0.05)) world.reword(world.one(world.said), world.some(0, 12));
    if (world.chance(0.03)) world.reword(world.one(world.said), undefined);
    if (world.chance(0.01)) world.purge(world.one(world.said));
    if (world.chance(0.02)) indexing.slice();
    if (!world.chance(0.1)) continue;
    const text = world.some(2, 4).toWellFormed();
    if ([...text].length < 2) continue;
    const expected = world.expected(text);
    for (const searcher of searchers) {
      const ids = searcher.find({ ...all, text })!.found.map(({ place }) => Number(place.slice(1)));
      assertEquals(ids, expected, `seed ${seed}, step ${step}, ${JSON.stringify(text)}`);
    }
    if (expected.length > 0) indexed++;
  }
  assert(indexed > 10, `seed ${seed}: hardly anything was looked for that is there`);
});

Deno.test("searcher: a text that is gone has left the index without a trace", () => {
  const world = setUp(1);
  using db = world.db;
  const indexing = new Indexing(db, { report: () => {} });
  world.say();
  world.reword(world.said[0]!, "a xylophone 王芳");
  world.say();
  while (indexing.slice() === "more");
  const terms = (text: string) => db.prepare("SELECT 1 FROM entry_term WHERE term = ?").all(text).length;
  assertEquals([terms("xyl"), terms('王芳"')], [1, 1]);
  world.reword(world.said[0]!, "a piano");
  assertEquals([terms("xyl"), terms('王芳"'), terms("pia")], [0, 0, 1]);
  world.reword(world.said[0]!, undefined);
  assertEquals(terms("pia"), 0);
  world.reword(world.said[1]!, "");
  world.purge(world.said[1]!);
  assertEquals(db.prepare("SELECT count(*) AS n FROM entry_term WHERE term NOT LIKE '%\"%'").get()?.n, 0);
});

Deno.test("searcher: when it has looked for long enough it says how far it came, and the next one goes on", () => {
  const world = setUp(2);
  using db = world.db;
  for (let n = 0; n < 5000; n++) world.say();
  const indexing = new Indexing(db, { report: () => {} });
  for (let n = 0; n < 3; n++) indexing.slice();
  // Every look at the clock takes a second.
  let now = 0;
  for (const own of [-1, 50_000]) {
    const searcher = new SqliteSearcher(db, { own, now: () => now += 1000 });
    const ids: number[] = [];
    let pages = 0;
    let before: string | undefined;
    for (;; pages++) {
      const page = searcher.find({ ...all, text: "王芳", ...before !== undefined && { before } })!;
      ids.push(...page.found.map(({ place }) => Number(place.slice(1))));
      before = page.next;
      if (before === undefined) break;
    }
    assertEquals(ids, world.expected("王芳"));
    assert(pages > 2, `${pages} pages`);
  }
});

Deno.test("searcher: entries from before the index was there follow from above", () => {
  const world = setUp(3);
  using db = world.db;
  for (let n = 0; n < 1200; n++) world.say();
  db.exec("UPDATE searched SET low = 1200, high = 1200");
  const indexing = new Indexing(db, { report: () => {} });
  const searcher = new SqliteSearcher(db, { own: -1 });
  const lows: unknown[] = [];
  for (let more = true; more;) {
    more = indexing.slice() === "more";
    world.say();
    if (lows.length % 2 === 0) { for (let n = 0; n < 400; n++) world.say(); }
    lows.push(db.prepare("SELECT low FROM searched").get()?.low);
    const found = searcher.find({ ...all, text: "ab" })!.found;
    assertEquals(found.map(({ place }) => Number(place.slice(1))), world.expected("ab"));
    if (lows.length > 50) throw new Error("no end");
    if (lows.at(-1) === 0) break;
  }
  assert(lows.length > 2);
});

Deno.test("searcher: a time before which to look is exclusive", () => {
  const world = setUp(4);
  using db = world.db;
  for (let n = 0; n < 300; n++) world.say();
  const searcher = new SqliteSearcher(db);
  for (const before of [0, 1000, 1001, 1050, 1100, 99_999]) {
    const ids = searcher.find({ ...all, text: "ab", before })!.found.map(({ place }) =>
      Number(place.slice(1))
    );
    assertEquals(ids, world.expected("ab").filter((id) => 1000 + Math.floor(id / 3) < before));
  }
});
