import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { haveServices, startMariaDb } from "../services.ts";
import { StartupError } from "../../server/errors.ts";
import { openMysql } from "../../server/stores/mysql/open.ts";

const services = await haveServices();
const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, ignore: !services.ok, fn });

/** The tables of the older servers of this protocol. */
const OLD_TABLES = `
  CREATE TABLE user (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(50) NOT NULL UNIQUE,
    password VARCHAR(50) NOT NULL, state ENUM ('online', 'offline') DEFAULT 'offline');
  CREATE TABLE friend (userid INT NOT NULL, friendid INT NOT NULL, PRIMARY KEY (userid, friendid));
  CREATE TABLE allgroup (id INT PRIMARY KEY AUTO_INCREMENT, groupname VARCHAR(50) NOT NULL UNIQUE,
    groupdesc VARCHAR(200) DEFAULT '');
  CREATE TABLE groupuser (groupid INT NOT NULL, userid INT NOT NULL,
    grouprole ENUM ('creator', 'normal') DEFAULT 'normal', PRIMARY KEY (groupid, userid));
  CREATE TABLE offlinemessage (userid INT NOT NULL, message VARCHAR(500) NOT NULL);`;

async function refusal(url: string, maxFrame = 65_536): Promise<string> {
  const error = await assertRejects(() => openMysql({ url, poolSize: 2, wait: 0, maxFrame }), StartupError);
  assertEquals(error.message.includes("\n"), false);
  return error.message;
}

test("MariaDB: tables of another program are refused before anything is created", async () => {
  await using db = await startMariaDb({ flushLogAtCommit: 0 });
  await db.sql(OLD_TABLES, { database: "chat" });
  assertStringIncludes(
    await refusal(db.url),
    `chat-server import --from mysql://chat:PASSWORD@127.0.0.1:${db.port}/chat --db sqlite:chat.db`,
  );
  assertEquals((await db.sql("SHOW TABLES", { database: "chat" })).split("\n").length, 5);
  await db.sql("DROP TABLE offlinemessage", { database: "chat" });
  assertStringIncludes(await refusal(db.url), "tables of another program (allgroup, friend, groupuser, …)");
  assertEquals((await db.sql("SHOW TABLES", { database: "chat" })).split("\n").length, 4);
});

test("MariaDB: what the user may not do is named, whether or not the tables are there", async () => {
  await using db = await startMariaDb({ flushLogAtCommit: 0 });
  const rights = ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER"];
  const urlOf = async (user: string, database: string, without: string) => {
    const granted = rights.filter((right) => right !== without).join(", ");
    await db.sql(`CREATE DATABASE IF NOT EXISTS ${database};
      CREATE USER ${user}@127.0.0.1 IDENTIFIED BY 'x'; GRANT ${granted} ON ${database}.* TO ${user}@127.0.0.1`);
    return `mysql://${user}:x@127.0.0.1:${db.port}/${database}`;
  };
  for (const without of rights) {
    const name = `other_${without.toLowerCase()}`;
    assertStringIncludes(
      await refusal(await urlOf(name, name, without)),
      `may not ${without} in the database`,
    );
  }
  // With all of them the tables are made; then nothing has to be created or changed any more.
  const make = await openMysql({ url: await urlOf("owner", "other", ""), poolSize: 2, wait: 0 });
  await make.close();
  for (const without of ["SELECT", "INSERT", "UPDATE", "DELETE"]) {
    const url = await urlOf(`reader_${without.toLowerCase()}`, "other", without);
    assertStringIncludes(await refusal(url), `may not ${without} in the database`);
  }
  const served = await openMysql({ url: await urlOf("server", "other", "CREATE"), poolSize: 2, wait: 0 });
  await served.close();
});

test("MariaDB: a read-only one, and one that takes small statements only, are refused", async () => {
  await using db = await startMariaDb({ flushLogAtCommit: 0, args: ["--max-allowed-packet=65536"] });
  assertStringIncludes(await refusal(db.url), "max_allowed_packet");
  await db.sql("SET GLOBAL read_only = ON");
  assertStringIncludes(await refusal(db.url, 2048), "read-only");
});

test("MariaDB: settings that may lose acknowledged messages are told, and it is used", async () => {
  await using db = await startMariaDb({
    flushLogAtCommit: 0,
    args: ["--log-bin", "--server-id=1", "--sync-binlog=0"],
  });
  const risks: string[] = [];
  const store = await openMysql({ url: db.url, poolSize: 2, wait: 0, onRisk: (risk) => risks.push(risk) });
  await store.close();
  assertEquals(risks.map((risk) => risk.match(/has (\w+) = 0/)?.[1]), [
    "innodb_flush_log_at_trx_commit",
    "sync_binlog",
  ]);
});
