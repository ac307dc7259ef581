import { assert, assertEquals, assertRejects } from "@std/assert";
import { Database } from "../../server/stores/mysql/database.ts";
import { openMysql, parseUrl } from "../../server/stores/mysql/open.ts";
import { type Lease, StoreUnavailable } from "../../server/stores/store.ts";
import { haveServices, type MariaDb, startMariaDb } from "../services.ts";

const ignore = !(await haveServices()).ok;
/** Well below the time after which a lock that is in the way is given up, in ms. */
const NO_WAIT = 700;

const lease = (user: number): Lease => ({ user, device: "", node: "node", session: `session of ${user}` });
const from = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** Runs statements in a transaction that stays open until this is disposed of. */
async function hold(db: MariaDb, ...statements: string[]): Promise<AsyncDisposable> {
  const other = new Database({ ...parseUrl(db.url), poolSize: 1 });
  const holding = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  const held = other.withSession(async (session) => {
    await session.command("START TRANSACTION");
    for (const statement of statements) await session.rows(statement);
    holding.resolve();
    await end.promise;
    await session.command("ROLLBACK");
  });
  await Promise.race([holding.promise, held]);
  return {
    async [Symbol.asyncDispose]() {
      end.resolve();
      await held;
      await other.close();
    },
  };
}

async function inTime<T>(what: string, work: Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work;
  const ms = Math.round(performance.now() - began);
  assert(ms < NO_WAIT, `${what}: ${ms} ms`);
  return result;
}

Deno.test({
  name: "MariaDB: leases: a row that somebody has locked keeps its user waiting, and nobody else",
  ignore,
  fn: async () => {
    await using db = await startMariaDb({ flushLogAtCommit: 0 });
    const store = await openMysql({ url: db.url, poolSize: 10, wait: 0 });
    const { leases } = store;
    try {
      await leases.enter({ id: "node", beat: 1 });
      await Promise.all(from(1, 100).map((user) => leases.take(lease(user))));
      {
        // One that is there, and one that is being taken by a node that is frozen.
        await using _ = await hold(
          db,
          "SELECT * FROM session WHERE userid = 1 FOR UPDATE",
          "INSERT INTO session (userid, node, session) VALUES (200, 'frozen', 'frozen')",
        );
        const released = from(1, 50).map((user) => leases.release(lease(user)));
        const locked = assertRejects(() => released[0]!, StoreUnavailable);
        await inTime("given back", Promise.all(released.slice(1)));
        const taken = from(101, 220).map((user) => leases.take(lease(user)));
        const lockedToo = assertRejects(() => taken[99]!, StoreUnavailable);
        const holders = await inTime("taken", Promise.all(taken.filter((_, i) => i !== 99)));
        assertEquals(holders.filter((holder) => holder), []);
        await inTime("heartbeat", leases.beat("node"));
        const held = await inTime("held", leases.held("node"));
        assertEquals(held.length, 1 + 50 + 119);
        assertEquals((await inTime("asked for", leases.take({ ...lease(1), session: "x" })))?.node, "node");
        await locked;
        await lockedToo;
        await leases.bury({ id: "node", beat: (await leases.beat("node")).nodes[0]!.beat });
        const { freed, left } = await leases.sweep();
        assertEquals([freed.length, left], [50 + 119, 1]);
      }
      assertEquals(await leases.sweep(), { freed: [1], left: 0 });
      assertEquals(await leases.take(lease(200)), undefined);
    } finally {
      await store.close();
    }
  },
});
