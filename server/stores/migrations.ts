import mysql001 from "../../sql/mysql/001_schema.sql" with { type: "text" };
import mysql002 from "../../sql/mysql/002_numbers.sql" with { type: "text" };
import mysql003 from "../../sql/mysql/003_cluster.sql" with { type: "text" };
import mysql004 from "../../sql/mysql/004_kinds.sql" with { type: "text" };
import mysql005 from "../../sql/mysql/005_kinds.sql" with { type: "text" };
import mysql006 from "../../sql/mysql/006_devices.sql" with { type: "text" };
import mysql008 from "../../sql/mysql/008_people.sql" with { type: "text" };
import mysql010 from "../../sql/mysql/010_requests.sql" with { type: "text" };
import sqlite001 from "../../sql/sqlite/001_schema.sql" with { type: "text" };
import sqlite002 from "../../sql/sqlite/002_arrived.sql" with { type: "text" };
import sqlite003 from "../../sql/sqlite/003_cluster.sql" with { type: "text" };
import sqlite004 from "../../sql/sqlite/004_entries.sql" with { type: "text" };
import sqlite005 from "../../sql/sqlite/005_kinds.sql" with { type: "text" };
import sqlite006 from "../../sql/sqlite/006_devices.sql" with { type: "text" };
import sqlite008 from "../../sql/sqlite/008_people.sql" with { type: "text" };
import sqlite009 from "../../sql/sqlite/009_search.sql" with { type: "text" };
import sqlite010 from "../../sql/sqlite/010_requests.sql" with { type: "text" };

/** One step of the schema, applied once and in order. */
export interface Migration {
  readonly version: number;
  readonly sql: string;
}

/**
 * The steps for SQLite; imported as text, so that they are part of the executable. A statement ends with a semicolon at
 * the end of a line whose next one is not indented.
 */
export const SQLITE_MIGRATIONS: readonly Migration[] = [
  { version: 1, sql: sqlite001 },
  { version: 2, sql: sqlite002 },
  { version: 3, sql: sqlite003 },
  { version: 4, sql: sqlite004 },
  { version: 5, sql: sqlite005 },
  { version: 6, sql: sqlite006 },
  { version: 8, sql: sqlite008 },
  { version: 9, sql: sqlite009 },
  { version: 10, sql: sqlite010 },
];

/** The steps for MySQL and MariaDB. Statements end with a semicolon at the end of a line. */
export const MYSQL_MIGRATIONS: readonly Migration[] = [
  { version: 1, sql: mysql001 },
  { version: 2, sql: mysql002 },
  { version: 3, sql: mysql003 },
  { version: 4, sql: mysql004 },
  { version: 5, sql: mysql005 },
  { version: 6, sql: mysql006 },
  { version: 8, sql: mysql008 },
  { version: 10, sql: mysql010 },
];
