import type { DatabaseSync } from "node:sqlite";
import { StartupError } from "../../errors.ts";
import { codeOf } from "./statements.ts";

/** Tables that every version of this program makes. */
const OURS = [
  "user",
  "token",
  "friend",
  "friendrequest",
  "allgroup",
  "groupuser",
  "conversation",
  "progress",
];

const ELSEWHERE = "or name another file with --db sqlite:FILE";

/**
 * A database file that belongs to this process while it is open. Two servers on one file would each think that they see
 * everything: the second one is refused. The lock is on the file itself (flock), so that it holds whatever name the file
 * is reached by, and whatever else is deleted. SQLite's own locks are of another kind (fcntl), and do not meet it; but
 * they are lost when this process closes any handle of the file, so this handle is opened first and closed last.
 */
export class OwnedFile {
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** Opens a file, or makes it. @throws {StartupError} */
  static take(path: string): OwnedFile {
    const file = open(path);
    if (file.tryLockSync(true) && freeOfOlder(path)) return new OwnedFile(file);
    file.close();
    throw new StartupError(
      `the database ${path} is in use by another chat-server; stop that one, ${ELSEWHERE}`,
    );
  }

  close(): void {
    this.#file.close();
  }
}

function open(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { create: true, read: true, write: true });
  } catch (error) {
    throw new StartupError(whyNotOpened(path, error));
  }
}

function whyNotOpened(path: string, error: unknown): string {
  if (isFolder(path)) {
    return `${path} is a folder; name a file in it, for example --db sqlite:${
      path.replace(/\/+$/, "")
    }/chat.db`;
  }
  if (error instanceof Deno.errors.NotFound) {
    return `the folder of the database ${path} does not exist; make it, ${ELSEWHERE}`;
  }
  const denied = error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable;
  if (denied || (error instanceof Error && "code" in error && error.code === "EROFS")) {
    return `this user may not write the database ${path}; give it the right to write the file and its folder, ${ELSEWHERE}`;
  }
  return `cannot open the database ${path}: ${
    messageOf(error)
  }; make it a file that can be written, ${ELSEWHERE}`;
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

/** Earlier versions locked a file beside the database. It is removed, unless such a version runs. */
function freeOfOlder(path: string): boolean {
  const beside = `${Deno.realPathSync(path)}-lock`;
  try {
    using file = Deno.openSync(beside, { read: true, write: true });
    if (!file.tryLockSync(true)) return false;
    Deno.removeSync(beside);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}

/** Looks whether the database is one of this program's, or empty; changes nothing. @throws {StartupError} */
export function checkOurs(db: DatabaseSync, path: string): void {
  const names = new Set(
    db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all().map(({ name }) => name),
  );
  if (names.size === 0 || OURS.every((name) => names.has(name))) return;
  throw new StartupError(
    `the database ${path} belongs to another program (it has no tables of chat-server's); name another file with --db sqlite:FILE`,
  );
}

/** Why a database cannot be opened, in one sentence for the operator. */
export function whyNot(path: string, error: unknown): string {
  const cause = messageOf(error);
  switch (codeOf(error) ?? codeOf(error instanceof Error ? error.cause : undefined)) {
    case 5: // BUSY
    case 6: // LOCKED
      return `the database ${path} is locked by another program; end that one, ${ELSEWHERE}`;
    case 8: // READONLY
    case 14: // CANTOPEN
      return `cannot write the database ${path} or beside it (${cause}); give this user the right to write the file and its folder, ${ELSEWHERE}`;
    case 10: // IOERR
    case 13: // FULL
      return `cannot write the database ${path} (${cause}); see whether the disk is full or failing, ${ELSEWHERE}`;
    case 11: // CORRUPT
      return `the database ${path} is damaged (${cause}); restore a copy of it, or save what can be read with sqlite3's .recover`;
    case 26: // NOTADB
      return `the file ${path} is not a database of SQLite; name another file with --db sqlite:FILE`;
    default:
      return `cannot open the database ${path}: ${cause}; check that it is an SQLite file and can be written`;
  }
}

const messageOf = (error: unknown) => error instanceof Error ? error.message : String(error);
