import { haveServices, startMariaDb } from "../services.ts";
import { storeContract } from "../../server/stores/contract_suite.ts";
import { openMysql } from "../../server/stores/mysql.ts";

const services = await haveServices();

storeContract("MariaDB", async () => {
  const db = await startMariaDb({ flushLogAtCommit: 0 });
  const store = await openMysql({ url: db.url, poolSize: 10, wait: 0 });
  return {
    store,
    async [Symbol.asyncDispose]() {
      await store.close();
      await db[Symbol.asyncDispose]();
    },
  };
}, { ignore: !services.ok });
