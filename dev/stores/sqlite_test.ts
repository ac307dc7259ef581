import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { storeContract, type StoreFactory } from "../../server/stores/contract_suite.ts";
import { devicesContract } from "../../server/stores/devices_contract_suite.ts";
import { kindsContract } from "../../server/stores/kinds_contract_suite.ts";
import { searchContract } from "../../server/stores/search_contract_suite.ts";
import { socialContract } from "../../server/stores/social_contract_suite.ts";
import { openSqlite } from "../../server/stores/sqlite/open.ts";
import type { NewMessage, Store } from "../../server/stores/store.ts";

const inFile: StoreFactory = async () => {
  const folder = await Deno.makeTempDir();
  const store = await openSqlite({ path: `${folder}/chat.db`, durability: "normal" });
  const sql = (text: string) => {
    using db = new DatabaseSync(`${folder}/chat.db`, { enableForeignKeyConstraints: false, timeout: 5000 });
    db.exec(text);
    return Promise.resolve();
  };
  return {
    store,
    surgery: {
      purge({ conv, from, to }) {
        const range = `WHERE conv = '${conv}' AND seq BETWEEN ${from} AND ${to}`;
        return sql(`DELETE FROM entry ${range}`);
      },
      removeAccount: (user) => sql(`DELETE FROM user WHERE id = ${user}`),
    },
    async [Symbol.asyncDispose]() {
      await store.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
};

storeContract("SQLite in a file", inFile);
kindsContract("SQLite in a file", inFile);
devicesContract("SQLite in a file", inFile);
searchContract("SQLite in a file", inFile);
socialContract("SQLite in a file", inFile);

const entry = (n: number): NewMessage => ({
  ...{ conv: "u1-2", kind: "chat", sender: 1, senderName: "ann", to: 2, mid: `m${n}`, body: '"x"' },
});

const seqs = async (store: Store) =>
  (await store.log.read({ conv: "u1-2", limit: 100 })).map(({ seq }) => seq);

async function withFile(test: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(`${folder}/chat.db`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("SQLite: a file that is locked while the store closes: it closes, and nothing is missing later", () =>
  withFile(async (path) => {
    const store = await openSqlite({ path, durability: "full" });
    for (const name of ["ann", "bob"]) await store.accounts.create(name, "x");
    for (let n = 1; n <= 3; n++) await store.log.append(entry(n));
    {
      using other = new DatabaseSync(path);
      other.exec("BEGIN IMMEDIATE");
      await store.close();
    }
    const again = await openSqlite({ path, durability: "full" });
    assertEquals(await seqs(again), [1, 2, 3]);
    assertEquals(
      await again.log.append(entry(2)).then((result) => "stored" in result && result.stored.seq),
      2,
    );
    await again.close();
    using db = new DatabaseSync(path);
    const count = (table: string) => db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.n;
    assertEquals(["entry", "entry_place", "entry_mid", "message"].map(count), [3, 3, 3, 3]);
  }));

Deno.test("SQLite: what is not filed yet is read, counted and found again like everything else", () =>
  withFile(async (path) => {
    const store = await openSqlite({ path, durability: "normal" });
    for (const name of ["ann", "bob"]) await store.accounts.create(name, "x");
    const lengths: number[] = [];
    // Filed after a second at the latest: some of these reads find everything filed, some a part.
    for (let n = 1; n <= 60; n++) {
      await store.log.append(entry(n));
      const again = await store.log.append(entry(Math.ceil(n / 2)));
      assertEquals("stored" in again && [again.fresh, again.stored.seq], [false, Math.ceil(n / 2)]);
      lengths.push((await seqs(store)).length);
      await new Promise((resolve) => setTimeout(resolve, n % 20 === 0 ? 1100 : 1));
    }
    assertEquals(lengths, Array.from({ length: 60 }, (_, i) => i + 1));
    await store.close();
  }));
