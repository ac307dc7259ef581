import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { SQLITE_MIGRATIONS } from "../../server/stores/migrations.ts";
import { openSqlite } from "../../server/stores/sqlite/open.ts";
import type { Report } from "../../server/stores/sqlite/writes.ts";
import { type NewMessage, type Store, StoreUnavailable } from "../../server/stores/store.ts";

const entry = (n: number, fields: Partial<NewMessage> = {}): NewMessage => ({
  ...{ conv: "u1-2", kind: "chat", sender: 1, senderName: "ann", to: 2, mid: `m${n}`, body: `"${n}"` },
  ...fields,
});

/** The conversation's texts, each checked to be under its number. */
async function texts(store: Store): Promise<string[]> {
  const page = await store.log.read({ conv: "u1-2", after: 0, limit: 1000 });
  assertEquals(page.map(({ seq }) => seq), page.map((_, i) => i + 1));
  return page.map(({ body }) => JSON.parse(body));
}

async function withFile(test: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(`${folder}/chat.db`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function inNewFile(
  test: (store: Store, file: { path: string; reports: Report[] }) => Promise<void>,
  options: { patience?: number } = {},
): Promise<void> {
  await withFile(async (path) => {
    const reports: Report[] = [];
    const store = await openSqlite({
      ...{ path, durability: "normal", onReport: (report) => reports.push(report), ...options },
    });
    try {
      for (const name of ["ann", "bob"]) await store.accounts.create(name, "x");
      await test(store, { path, reports });
    } finally {
      await store.close();
    }
  });
}

function change(path: string, sql: string): void {
  using db = new DatabaseSync(path, { timeout: 5000 });
  db.exec(sql);
}

Deno.test("SQLite: a file of the version before comes through, with what it had not filed", () =>
  withFile(async (path) => {
    const old = SQLITE_MIGRATIONS.filter(({ version }) => version <= 3).map(({ sql }) => sql).join("\n");
    const rows = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, i) => from + i)
        .map((n) => `('u1-2', ${n}, 1, ${n % 5 ? `'m${n}'` : "NULL"}, 'chat', '"${n}"', ${n})`).join(", ");
    change(
      path,
      `${old}; PRAGMA user_version = 3;
       INSERT INTO cluster VALUES (1, 'name', 'secret', 'log');
       INSERT INTO user (name, password, created) VALUES ('ann', 'x', 0), ('bob', 'x', 0);
       INSERT INTO conversation VALUES ('u1-2', 30);
       INSERT INTO progress VALUES (1, 'u1-2', 0, 3, 2), (2, 'u1-2', 0, 3, 2);
       INSERT INTO message_filed VALUES ${rows(11, 20)}, ${rows(1, 10)};
       INSERT INTO message_arrived VALUES ${rows(21, 30)}`,
    );
    for (let time = 0; time < 2; time++) {
      const store = await openSqlite({ path, durability: "full" });
      assertEquals(await texts(store), Array.from({ length: 30 + time }, (_, i) => `${i + 1}`));
      for (const n of [1, 14, 29]) {
        const again = await store.log.append(entry(n));
        assertEquals("stored" in again && [again.fresh, again.stored.seq, again.stored.at], [false, n, n]);
      }
      const next = await store.log.append(entry(31));
      assertEquals("stored" in next && next.stored.seq, 31);
      assertEquals((await store.cluster.read()).log, "log");
      await store.close();
    }
    using db = new DatabaseSync(path);
    assertEquals(db.prepare("SELECT count(*) AS n FROM message").get()?.n, 31);
    assertEquals(db.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok");
  }));

Deno.test("SQLite: a row that cannot be filed stops neither the others nor a start, and is reported once", () =>
  withFile(async (path) => {
    const reports: Report[] = [];
    const open = () => openSqlite({ path, durability: "full", onReport: (report) => reports.push(report) });
    const first = await open();
    for (const name of ["ann", "bob"]) await first.accounts.create(name, "x");
    for (let n = 1; n <= 3; n++) await first.log.append(entry(n));
    await first.close();
    change(
      path,
      `INSERT INTO entry (conv, seq, sender, mid, kind, body, at) VALUES
         ('u1-2', 4, 1, 'm4', 'chat', '"4"', 0), ('u1-2', 2, 1, 'other', 'chat', '"a number twice"', 0),
         ('u1-2', 5, 1, 'm1', 'chat', '"5"', 0), ('u1-2', 6, 1, 'm6', 'chat', '"6"', 0)`,
    );
    for (let time = 0; time < 2; time++) {
      const store = await open();
      // The number in the table conversation is too small as well: a number that is taken is not given again.
      const next = await store.log.append(entry(7));
      assertEquals("stored" in next && next.stored.seq, 7);
      assertEquals(await texts(store), ["1", "2", "3", "4", "5", "6", "7"]);
      await store.close();
    }
    assertEquals(
      reports.map(({ level, fields }) => [level, fields?.conv, fields?.seq, fields?.mid]),
      [["warn", "u1-2", 2, "other"], ["warn", "u1-2", 5, "m1"]],
    );
  }));

Deno.test("SQLite: one message among 200 that cannot be stored is refused, 199 are stored in their order", () =>
  inNewFile(async (store, { path }) => {
    change(
      path,
      `CREATE TRIGGER no BEFORE INSERT ON entry WHEN new.body = '"bad"'
       BEGIN SELECT raise(ABORT, 'not this one'); END`,
    );
    const results = await Promise.allSettled(
      Array.from({ length: 200 }, (_, n) => store.log.append(entry(n, n === 77 ? { body: '"bad"' } : {}))),
    );
    const failed = results.flatMap((result, n) => result.status === "rejected" ? [[n, result.reason]] : []);
    assertEquals(failed.map(([n]) => n), [77]);
    assert(!(failed[0]![1] instanceof StoreUnavailable), "trying again would not help");
    assertEquals(
      await texts(store),
      Array.from({ length: 200 }, (_, n) => `${n}`).filter((text) => text !== "77"),
    );
    change(path, "DROP TRIGGER no");
    assertEquals(
      await store.log.append(entry(77)).then((result) => "stored" in result && result.fresh),
      true,
    );
  }));

Deno.test("SQLite: a write that hangs is unavailable after a while; what it stored is found by its mid", () =>
  inNewFile(async (store, { path, reports }) => {
    await store.log.append(entry(1));
    // A disk that takes its time, some seconds.
    change(
      path,
      `CREATE TRIGGER slow BEFORE INSERT ON entry WHEN new.body = '"slow"' BEGIN
         SELECT count(*) FROM (WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 6000000)
                               SELECT n FROM c);
       END`,
    );
    const message = entry(2, { body: '"slow"' });
    const unavailable = async (asked: Promise<unknown>) => {
      const error = await asked.then(() => undefined, (error) => error);
      assert(error instanceof StoreUnavailable, `${error}`);
    };
    await unavailable(store.log.append(message));
    const began = performance.now();
    await unavailable(store.log.append(entry(3)));
    assert(performance.now() - began < 100, "nobody waits for what hangs already");
    assertEquals((await store.log.read({ conv: "u1-2", after: 0, limit: 5 })).length, 1, "reading goes on");
    const deadline = performance.now() + 60_000;
    while (!reports.some(({ message }) => message.includes("answers again"))) {
      assert(performance.now() < deadline, "it never answers");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const again = await store.log.append(message);
    assertEquals("stored" in again && [again.fresh, again.stored.seq], [false, 2]);
    assertEquals(await texts(store), ["1", "slow"]);
  }, { patience: 300 }));
