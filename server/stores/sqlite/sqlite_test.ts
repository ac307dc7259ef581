import { storeContract, type StoreFactory } from "../contract_suite.ts";
import { devicesContract } from "../devices_contract_suite.ts";
import { kindsContract } from "../kinds_contract_suite.ts";
import { searchContract } from "../search_contract_suite.ts";
import { openSqlite } from "./open.ts";

const inMemory: StoreFactory = async () => {
  const store = await openSqlite({ path: ":memory:", durability: "full" });
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store.close();
    },
  };
};

storeContract("SQLite in memory", inMemory);
kindsContract("SQLite in memory", inMemory);
devicesContract("SQLite in memory", inMemory);
searchContract("SQLite in memory", inMemory);
