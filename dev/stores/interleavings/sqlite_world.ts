import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { configure, connect } from "../../../server/stores/sqlite/connection.ts";
import { SqliteLog } from "../../../server/stores/sqlite/log.ts";
import { openSqlite } from "../../../server/stores/sqlite/open.ts";
import { SqliteWriter } from "../../../server/stores/sqlite/writer.ts";
import { perform, type Report, type Writes } from "../../../server/stores/sqlite/writes.ts";
import { type NewMessage, StoreUnavailable } from "../../../server/stores/store.ts";
import { checkOrder, checkTexts, nameOf, type Sent } from "./judge.ts";
import { type Stop, StoppableDatabase } from "./stoppable_database.ts";

/** What a process does until it is stopped. */
export interface Script {
  /** Entries that go to the disk together, after what is in the batches before; `node`: the writer that they are of. */
  readonly batches: readonly (readonly { readonly node: number; readonly entry: NewMessage }[])[];
  /** Whether messages are filed after a batch. */
  readonly files: readonly boolean[];
  /** Whether a batch is given before the one before is written. */
  readonly ahead: boolean;
}

/** What came of it. */
export interface Run {
  readonly sent: readonly Sent[];
  /** Every statement that writes, with its values. */
  readonly statements: readonly string[];
  /** The folder with the database as it was left. */
  readonly left: string;
}

const FILE = "chat.db";
const OPTIONS = { durability: "normal" } as const;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Files of SQLite databases of which each is used once. */
export class SqliteWorld implements AsyncDisposable {
  readonly #folder: string;
  #made = 0;

  static async open(users: number): Promise<SqliteWorld> {
    const folder = await Deno.makeTempDir({ prefix: "chat-sqlite-" });
    Deno.mkdirSync(`${folder}/new`);
    const store = await openSqlite({ path: `${folder}/new/${FILE}`, ...OPTIONS });
    for (let user = 1; user <= users; user++) await store.accounts.create(`u${user}`, "x");
    await store.close();
    return new SqliteWorld(folder);
  }

  private constructor(folder: string) {
    this.#folder = folder;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.#folder, { recursive: true });
  }

  /** Another folder with the files of one. */
  copy(from = `${this.#folder}/new`): string {
    const to = `${this.#folder}/${++this.#made}`;
    Deno.mkdirSync(to);
    for (const { name } of Deno.readDirSync(from)) {
      // What is shared between processes does not outlive them.
      if (name === FILE || name === `${FILE}-wal`) Deno.copyFileSync(`${from}/${name}`, `${to}/${name}`);
    }
    return to;
  }

  /** Carries out a script on a new database. */
  async run({ batches, files, ahead }: Script, stop?: { at: number; how: Stop }): Promise<Run> {
    const folder = this.copy();
    const path = `${folder}/${FILE}`;
    let left: string | undefined;
    const db = new StoppableDatabase(path, { onKill: () => left = this.copy(folder) });
    using reader = connect({ path, ...OPTIONS });
    const go = Promise.withResolvers<void>();
    const { writes } = openWriter(db, { files, isDead: () => db.isKilled });
    // Nothing is written until it may, so that batches are given ahead.
    const waiting: Writes = { ...writes, call: (name, arg) => go.promise.then(() => writes.call(name, arg)) };
    const log = new SqliteLog(reader, { writes: waiting, now: () => 0 });
    if (!ahead) go.resolve();
    db.count(stop);
    const sent: Sent[] = [];
    const all: Promise<unknown>[] = [];
    for (const batch of batches) {
      const asked = batch.map(async ({ node, entry }) => {
        const place = sent.length++;
        sent[place] = { node, entry, said: await log.append(entry).catch(asError) };
      });
      all.push(...asked);
      if (ahead) { for (let i = 0; i < 3; i++) await turn(); }
      else await Promise.all(asked);
    }
    go.resolve();
    await Promise.all(all);
    const { statements } = db;
    left ??= this.copy(folder);
    db.close();
    await Deno.remove(folder, { recursive: true });
    return { sent, statements: [...statements], left };
  }

  /**
   * Opens what a run has left, as a process does that starts, and throws unless it agrees with what was said. Then
   * everything is sent again, and comes to the same entries. Nothing is left after that.
   */
  async judge(run: Run, convs: readonly string[]): Promise<void> {
    await this.#judge(run, convs);
    await Deno.remove(run.left, { recursive: true });
  }

  async #judge({ sent, left }: Run, convs: readonly string[]): Promise<void> {
    const path = `${left}/${FILE}`;
    const reports: Report[] = [];
    using db = connect({ path, ...OPTIONS });
    using reader = connect({ path, ...OPTIONS });
    const { writes, file } = openWriter(db, { files: [], onReport: (report) => reports.push(report) });
    const log = new SqliteLog(reader, { writes, now: () => 1 });
    const read = async () => {
      const pages = await Promise.all(convs.map((conv) => log.read({ conv, after: 0, limit: 100 })));
      for (const page of pages) {
        assertEquals(
          page.map(({ seq }) => seq),
          page.map((_, i) => i + 1),
          "no holes",
        );
      }
      return pages.flat();
    };
    const before = await read();
    const place = ({ sender, mid }: NewMessage) =>
      before.find((row) => row.sender === sender && row.mid === mid);
    for (const { entry, said } of sent) {
      if (said instanceof Error) assert(said instanceof StoreUnavailable, `${said.stack}`);
      else if ("stored" in said) {
        assertEquals(place(entry)?.seq, said.stored.seq, `${entry.mid} is acknowledged`);
      }
    }
    checkOrder(sent, convs);
    for (const { entry } of sent) {
      const said = await log.append(entry);
      const was = place(entry);
      if (was) {
        assertEquals("stored" in said && [said.fresh, said.stored.seq], [false, was.seq], "sent again");
      } else if ("refused" in said) assert(entry.kind !== "chat", said.refused);
    }
    const after = await read();
    assertEquals(
      after.filter(({ conv, seq }) => before.some((row) => row.conv === conv && row.seq === seq)).map(nameOf),
      before.map(nameOf),
    );
    for (const rows of [before, after]) checkTexts(rows);
    const keys = after.map(({ sender, mid }) => `${sender} ${mid}`);
    assertEquals(keys.length, new Set(keys).size, "each sender and mid once");
    file();
    const count = (table: string) => db.prepare(`SELECT count(*) AS n FROM ${table}`).get()!.n;
    assertEquals(
      ["entry", "entry_place", "entry_mid"].map(count),
      Array(3).fill(after.length),
      "all is filed",
    );
    assertEquals(reports, []);
    assertEquals(db.prepare("PRAGMA integrity_check").get()!.integrity_check, "ok");
  }
}

const asError = (error: unknown) => error instanceof Error ? error : new Error(String(error));

/** A writer as the thread has one, on this thread: it files when it is told to. */
function openWriter(
  db: DatabaseSync,
  { files, isDead = () => false, onReport = () => {} }: {
    files: readonly boolean[];
    isDead?: () => boolean;
    onReport?: (report: Report) => void;
  },
): { writes: Writes; file: () => void } {
  configure(db, { path: "", ...OPTIONS });
  const writer = new SqliteWriter(db, { report: onReport });
  let batch = 0;
  /** The thread answers first: whoever wrote does not hear of what goes wrong here. */
  const tidy = () => {
    try {
      writer.tidy({ all: true });
    } catch (error) {
      onReport({ level: "warn", message: `${error}` });
    }
  };
  const writes: Writes = {
    call: async (name, arg) => {
      const result = await perform(writer, { name, arg });
      if (isDead()) throw new StoreUnavailable("the process has ended");
      if (name === "commit" && files[batch++]) tidy();
      return result;
    },
    close: () => Promise.resolve(writer.close()),
  };
  return { writes, file: tidy };
}
