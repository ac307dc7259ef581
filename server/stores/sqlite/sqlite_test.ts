import { storeContract } from "../contract_suite.ts";
import { openSqlite } from "./open.ts";

storeContract("SQLite in memory", async () => {
  const store = await openSqlite({ path: ":memory:", durability: "full" });
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store.close();
    },
  };
});
