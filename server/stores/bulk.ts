import type { Kind, Role } from "../protocol/messages.ts";
import { StartupError } from "../errors.ts";

/**
 * The port through which a new database is filled from outside: with ids, numbers and times that are given. Nobody may
 * use the database meanwhile; until it is said to be complete, no server starts on it.
 */
export interface BulkStore {
  /** What was noted last, and whether the database is complete; undefined if nothing was filled in so far. */
  readonly noted: Noted | undefined;
  /** Whether there are accounts or groups that were not filled in. */
  readonly isUsed: boolean;
  /**
   * Adds rows and notes something, in one transaction.
   * @throws {StoreUnavailable}
   */
  write(rows: BulkRows, noted: Noted): Promise<void>;
  close(): Promise<void>;
}

/** What whoever fills the database needs to know to go on: the database only keeps it. */
export interface Noted {
  readonly note: string;
  readonly isComplete: boolean;
}

/** Rows to be added. None of them may be there already. */
export interface BulkRows {
  readonly users?: readonly { readonly id: number; readonly name: string; readonly password: string }[];
  readonly groups?: readonly { readonly id: number; readonly name: string; readonly description: string }[];
  readonly members?: readonly { readonly group: number; readonly user: number; readonly role: Role }[];
  /** Each friendship once. */
  readonly friendships?: readonly (readonly [number, number])[];
  /** Who has asked whom. */
  readonly requests?: readonly (readonly [number, number])[];
  /** `newest`: the number of the last entry that will be there. */
  readonly conversations?: readonly { readonly conv: string; readonly newest: number }[];
  readonly cursors?: readonly BulkCursor[];
  readonly entries?: readonly BulkEntry[];
}

/** Where a member of a conversation is; what was delivered was read. */
export interface BulkCursor {
  readonly user: number;
  readonly conv: string;
  readonly joined: number;
  readonly delivered: number;
}

/** An entry of a log without a mid. */
export interface BulkEntry {
  readonly conv: string;
  readonly seq: number;
  readonly kind: Kind;
  readonly sender: number;
  /** A JSON string literal. */
  readonly body: string;
  /** Unix milliseconds. */
  readonly at: number;
}

/** Rows of one table, with the columns that have no default. */
export interface TableRows {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** What both stores keep in the same tables, in an order in which each row refers to earlier ones only. */
export function commonTables(rows: BulkRows, now: number): TableRows[] {
  const { users = [], groups = [], members = [], friendships = [], requests = [], cursors = [] } = rows;
  return [
    {
      table: "user",
      columns: ["id", "name", "password", "created"],
      rows: users.map(({ id, name, password }) => [id, name, password, now]),
    },
    {
      table: "allgroup",
      columns: ["id", "groupname", "groupdesc", "created"],
      rows: groups.map(({ id, name, description }) => [id, name, description, now]),
    },
    {
      table: "groupuser",
      columns: ["groupid", "userid", "grouprole", "joined"],
      rows: members.map(({ group, user, role }) => [group, user, role, now]),
    },
    {
      table: "friend",
      columns: ["userid", "friendid", "since"],
      rows: friendships.flatMap(([one, other]) => [[one, other, now], [other, one, now]]),
    },
    { table: "friendrequest", columns: ["userid", "friendid"], rows: requests },
    {
      table: "progress",
      columns: ["userid", "conv", "joined", "delivered", "read"],
      rows: cursors.map(({ user, conv, joined, delivered }) => [user, conv, joined, delivered, delivered]),
    },
  ].filter(({ rows }) => rows.length > 0);
}

/** Why a server does not start on a database that is being filled. */
export function unfinished(database: string): StartupError {
  return new StartupError(
    `the import into the database ${database} is not finished: give the command chat-server import … once more and ` +
      "it goes on, or name another database with --db",
  );
}
