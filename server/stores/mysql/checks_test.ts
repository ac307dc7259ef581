import { assertEquals, assertThrows } from "@std/assert";
import { StartupError } from "../../errors.ts";
import { foreignTables, judgeServer } from "./checks.ts";

const GOOD = {
  version: "10.11.6-MariaDB",
  read_only: "OFF",
  innodb_read_only: "OFF",
  innodb_flush_log_at_trx_commit: "1",
  log_bin: "OFF",
  sync_binlog: "0",
  wsrep_on: "OFF",
  max_allowed_packet: "16777216",
};

const judge = (changed: Record<string, string>, maxFrame = 65_536) =>
  judgeServer(new Map(Object.entries({ ...GOOD, ...changed })), { where: "db:3306", maxFrame });

Deno.test("checks: a database as it is installed is used without a word", () => {
  for (
    const version of ["10.6.0-MariaDB", "5.5.5-10.11.6-MariaDB", "11.8.1-MariaDB-log", "8.0.36", "9.1.0"]
  ) {
    assertEquals(judge({ version }), [], version);
  }
});

Deno.test("checks: a database that cannot keep what was acknowledged is refused in one sentence", () => {
  const cases: [Record<string, string>, string, number?][] = [
    [{ version: "10.5.23-MariaDB" }, "MariaDB 10.6"],
    [{ version: "5.7.44-log" }, "MySQL 8.0"],
    [{ read_only: "ON" }, "read-only (read_only)"],
    // MariaDB 12 has more words than ON.
    [{ read_only: "NO_LOCK" }, "read-only (read_only)"],
    [{ super_read_only: "ON" }, "read-only (super_read_only)"],
    [{ innodb_read_only: "ON" }, "read-only (innodb_read_only)"],
    [{ wsrep_on: "ON" }, "Galera"],
    [
      { group_replication_group_name: "aaaa", group_replication_single_primary_mode: "OFF" },
      "group_replication_single_primary_mode",
    ],
    [{ max_allowed_packet: "65536" }, "max_allowed_packet"],
    [{}, "--max-frame", 16 * 1024 * 1024],
  ];
  for (const [changed, says, maxFrame] of cases) {
    const error = assertThrows(() => judge(changed, maxFrame), StartupError, says);
    assertEquals(error.message.includes("\n"), false);
  }
});

Deno.test("checks: settings that may lose acknowledged messages are told, one sentence each", () => {
  assertEquals(judge({ innodb_flush_log_at_trx_commit: "2", log_bin: "ON" }).length, 2);
  assertEquals(judge({ log_bin: "ON", sync_binlog: "1" }), []);
  const group = { group_replication_group_name: "aaaa", group_replication_single_primary_mode: "ON" };
  assertEquals(judge({ version: "8.0.36", ...group }), []);
});

Deno.test("checks: tables of other programs are told from ours, whichever were first", () => {
  const table = (name: string, ...columns: string[]) => ({ name, columns });
  const ours = [table("schemaversion", "version"), table("user", "id", "name", "password", "created")];
  assertEquals(foreignTables([]), []);
  assertEquals(foreignTables(ours), []);
  assertEquals(foreignTables([...ours, table("user_copy", "id")]), []);
  assertEquals(foreignTables([table("user", "id", "name", "password", "state")]), ["user"]);
  assertEquals(foreignTables([table("wp_posts", "id")]), ["wp_posts"]);
  // As an earlier version of this program left them: its tables beside those of another one.
  assertEquals(
    foreignTables([
      table("schemaversion", "version"),
      table("user", "id", "state"),
      table("friend", "userid"),
    ]),
    ["user", "friend"],
  );
  assertEquals(foreignTables([table("schemaversion", "installed_rank")]), ["schemaversion"]);
});
