import { assertEquals, assertRejects } from "@std/assert";
import { haveServices, startMariaDb } from "../services.ts";
import { storeContract, type StoreFactory } from "../../server/stores/contract_suite.ts";
import { devicesContract } from "../../server/stores/devices_contract_suite.ts";
import { kindsContract } from "../../server/stores/kinds_contract_suite.ts";
import { searchContract } from "../../server/stores/search_contract_suite.ts";
import { Database } from "../../server/stores/mysql/database.ts";
import { openMysql, parseUrl } from "../../server/stores/mysql/open.ts";
import { MysqlSearch } from "../../server/stores/mysql/search.ts";
import {
  type CursorMove,
  type NewMessage,
  type SearchStore,
  type Store,
  StoreUnavailable,
} from "../../server/stores/store.ts";
import { socialContract } from "../../server/stores/social_contract_suite.ts";

const services = await haveServices();

const onMariaDb: StoreFactory = async () => {
  const db = await startMariaDb({ flushLogAtCommit: 0 });
  const store = await openMysql({ url: db.url, poolSize: 10, wait: 0 });
  const sql = async (text: string) => void await db.sql(text, { database: "chat" });
  return {
    store,
    surgery: {
      purge: ({ conv, from, to }) =>
        sql(`DELETE FROM message WHERE conv = '${conv}' AND seq BETWEEN ${from} AND ${to}`),
      removeAccount: (user) => sql(`DELETE FROM user WHERE id = ${user}`),
    },
    async [Symbol.asyncDispose]() {
      await store.close();
      await db[Symbol.asyncDispose]();
    },
  };
};

storeContract("MariaDB", onMariaDb, { ignore: !services.ok });
kindsContract("MariaDB", onMariaDb, { ignore: !services.ok });
devicesContract("MariaDB", onMariaDb, { ignore: !services.ok });
searchContract("MariaDB", onMariaDb, { ignore: !services.ok });
socialContract("MariaDB", onMariaDb, { ignore: !services.ok });

const ignore = !services.ok;
const entry = (n: number): NewMessage => ({
  conv: "u1-2",
  kind: "chat",
  sender: 1,
  senderName: "ann",
  to: 2,
  mid: `m${n}`,
  body: '"x"',
});

async function seqOf(store: Store, n: number): Promise<number> {
  const result = await store.log.append(entry(n));
  return "stored" in result ? result.stored.seq : NaN;
}

async function withTwoUsers(store: Store): Promise<void> {
  for (const name of ["ann", "bob"]) await store.accounts.create(name, "x");
}

Deno.test({
  name: "MariaDB: I2: numbers that a node guesses are right whoever wrote in between",
  ignore,
  fn: async () => {
    await using db = await startMariaDb({ flushLogAtCommit: 0 });
    const options = { url: db.url, poolSize: 4, wait: 0 };
    const [one, two] = [await openMysql(options), await openMysql(options)];
    try {
      await withTwoUsers(one);
      const seqs: number[] = [];
      // One long enough alone to guess, then the other, then in turns, then both at once.
      for (let n = 1; n <= 5; n++) seqs.push(await seqOf(one, n));
      for (let n = 6; n <= 10; n++) seqs.push(await seqOf(two, n));
      for (let n = 11; n <= 30; n++) seqs.push(await seqOf(n % 2 ? one : two, n));
      assertEquals(seqs, Array.from({ length: 30 }, (_, i) => i + 1));
      const both = Array.from({ length: 100 }, (_, i) => seqOf(i % 2 ? one : two, 31 + i));
      const sorted = (await Promise.all(both)).sort((a, b) => a - b);
      assertEquals(sorted, Array.from({ length: 100 }, (_, i) => i + 31));
    } finally {
      await one.close();
      await two.close();
    }
  },
});

Deno.test({
  name: "MariaDB: a node that guesses at full speed does not keep another one out",
  ignore,
  fn: async () => {
    await using db = await startMariaDb({ flushLogAtCommit: 0 });
    const options = { url: db.url, poolSize: 4, wait: 0 };
    const [one, two] = [await openMysql(options), await openMysql(options)];
    try {
      await withTwoUsers(one);
      let n = 0;
      let writing = true;
      const streams = Array.from({ length: 100 }, async () => {
        while (writing) await seqOf(one, ++n);
      });
      for (let i = 1; i <= 300; i++) await seqOf(two, 1_000_000 + i);
      writing = false;
      await Promise.all(streams);
      const rows = await db.sql("SELECT COUNT(*), MIN(seq), MAX(seq) FROM message", { database: "chat" });
      assertEquals(rows, `${n + 300}\t1\t${n + 300}`);
    } finally {
      await one.close();
      await two.close();
    }
  },
});

Deno.test({
  name: "MariaDB: I2: a database that came back in an older state gets no holes",
  ignore,
  fn: async () => {
    await using db = await startMariaDb({ flushLogAtCommit: 0 });
    const store = await openMysql({ url: db.url, poolSize: 4, wait: 0 });
    try {
      await withTwoUsers(store);
      for (let n = 1; n <= 5; n++) assertEquals(await seqOf(store, n), n);
      await db.sql("DELETE FROM message WHERE seq > 3", { database: "chat" });
      await db.restart();
      await assertRejects(() => seqOf(store, 6), StoreUnavailable, "older");
      assertEquals(await seqOf(store, 6), 4);
    } finally {
      await store.close();
    }
  },
});

Deno.test({
  name: "MariaDB: cursors whose rows another program has locked are named, and the others are moved",
  ignore,
  fn: async () => {
    await using db = await startMariaDb({ flushLogAtCommit: 0 });
    const store = await openMysql({ url: db.url, poolSize: 4, wait: 0 });
    try {
      for (const name of ["ann", "bob"]) await store.accounts.create(name, "x");
      await seqOf(store, 1);
      // Until it is killed below.
      const lock = db.sql(
        "START TRANSACTION; SELECT userid INTO @locked FROM progress WHERE userid = 1 FOR UPDATE; SELECT SLEEP(60)",
        { database: "chat" },
      ).catch(() => "killed");
      const locking = "SELECT id FROM information_schema.processlist WHERE info = 'SELECT SLEEP(60)'";
      let id = "";
      while (id === "") id = await db.sql(locking);
      const [ann, bob] = [1, 2].map((user) => ({ user, device: "", conv: "u1-2", delivered: 1 })) as [
        CursorMove,
        CursorMove,
      ];
      const both = [1, 2].map((user) => ({ user, device: "" }));
      assertEquals(await store.log.moveCursors([bob, ann]), [ann]);
      assertEquals((await store.log.behind(both)).map(({ user }) => user), [1]);
      await db.sql(`KILL ${id}`);
      await lock;
      assertEquals(await store.log.moveCursors([ann]), []);
      assertEquals(await store.log.behind(both), []);
    } finally {
      await store.close();
    }
  },
});

Deno.test({
  name: "MariaDB: a search that looks at a little at a time finds the same, page after page",
  ignore,
  fn: async () => {
    await using db = await startMariaDb({ flushLogAtCommit: 0 });
    const store = await openMysql({ url: db.url, poolSize: 4, wait: 0 });
    for (let n = 1; n <= 6; n++) await store.accounts.create(`user ${n}`, "x");
    // In steps, so that the times differ, and not in the order of the conversations.
    for (let n = 0; n < 900; n += 30) {
      await Promise.all(Array.from({ length: 30 }, (_, i) => {
        const to = 2 + ((n + i) * 7 % 30 < 3 ? (n + i) % 2 : 2 + (n + i) % 3);
        const body = JSON.stringify((n + i) % 4 === 0 ? `heron ${n + i}` : "straw");
        return store.log.append({ ...entry(n + i), conv: `u1-${to}`, to, body });
      }));
    }
    const searches = new Database({ ...parseUrl(db.url), poolSize: 1 });
    const little = new MysqlSearch(searches, { rows: 60, long: 50 });
    const all = async (search: SearchStore, limit: number) => {
      const found: string[] = [];
      let before: string | undefined;
      do {
        const query = { user: 1, text: "HERON", limit, ...before !== undefined && { before } };
        const page = await search.find(query);
        found.push(...page!.found.map(({ place }) => place));
        before = page!.next;
      } while (before !== undefined);
      return found;
    };
    const expected = await all(store.search, 1000);
    assertEquals(expected.length, 225);
    for (const limit of [1000, 40, 7]) assertEquals(await all(little, limit), expected);
    await searches.close();
    await store.close();
  },
});
