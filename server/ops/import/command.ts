import { StartupError } from "../../errors.ts";
import { Passwords } from "../../services/passwords.ts";
import type { BulkStore } from "../../stores/bulk.ts";
import { openMysqlBulk } from "../../stores/mysql/bulk.ts";
import { openSqliteBulk } from "../../stores/sqlite/bulk.ts";
import { StoreUnavailable } from "../../stores/store.ts";
import { Mojibake } from "./mojibake.ts";
import { numberEntries } from "./numbering.ts";
import { HELP, type ImportOptions, readOptions } from "./options.ts";
import { Progress } from "./progress.ts";
import { Source, SOURCE_TABLES } from "./source.ts";
import { Staging } from "./staging.ts";
import { Tally } from "./tally.ts";
import { readPosition, writeAll } from "./writing.ts";

/** Of its new database, in ms. */
const WAIT = 10_000;
/** Rows that are read before anything else gets a turn. */
const ROWS_A_TURN = 1000;

/** Where an import runs. */
export interface ImportWorld {
  readonly env: (name: string) => string | undefined;
  readonly print: (text: string) => void;
  readonly printError: (text: string) => void;
  /** Whether a person looks at what `printError` writes. */
  readonly isTerminal: boolean;
  /** Resolves if the import is to end early. */
  readonly stopped: Promise<unknown>;
}

/** Exit codes: 0 done, 1 a problem or interrupted, 2 a wrong command line. */
export async function runImport(args: readonly string[], world: ImportWorld): Promise<number> {
  let options: ImportOptions | undefined;
  try {
    options = readOptions(args, world.env);
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    world.printError(`chat-server import: ${error.message}\n`);
    return 2;
  }
  if (options === undefined) {
    world.print(HELP);
    return 0;
  }
  try {
    return await new Import(options, world).run();
  } catch (error) {
    const known = error instanceof StartupError || error instanceof StoreUnavailable;
    if (!known) throw error;
    world.printError(`chat-server import: ${error.message}\n`);
    return 1;
  }
}

class Import {
  readonly #options: ImportOptions;
  readonly #world: ImportWorld;
  readonly #progress: Progress;
  readonly #now = Date.now();
  #isStopping = false;

  constructor(options: ImportOptions, world: ImportWorld) {
    this.#options = options;
    this.#world = world;
    this.#progress = new Progress({
      write: world.printError,
      isTerminal: world.isTerminal,
      now: () => performance.now(),
    });
    world.stopped.then(() => this.#isStopping = true);
  }

  async run(): Promise<number> {
    const { charset, timezone, from, dryRun } = this.#options;
    // Both first: nobody should wait for what turns out to be impossible.
    using source = await Source.open(from);
    const target = dryRun ? undefined : await this.#openTarget();
    try {
      if (target?.isUsed) {
        throw new StartupError(`${this.#db} has users already: name a new database with --db`);
      }
      const tally = new Tally();
      using staging = new Staging({
        tally,
        mojibake: charset === "gbk" ? new Mojibake() : undefined,
        timezone,
        now: this.#now,
      });
      if (!await this.#read(source, staging)) return this.#interrupted(false);
      const name = staging.seal();
      const { entries, again } = numberEntries(staging.db);
      if (again > 0) tally.remark("waiting messages", "seen again by members of a group", "see docs", again);
      const report = `${tally.report()}\n${
        tally.taken("waiting messages")
      } waiting messages are ${entries} entries.\n`;
      if (target === undefined) {
        this.#world.print(`${report}Nothing was written.\n`);
        return 0;
      }
      return await this.#write({ staging, target, name, report });
    } finally {
      await target?.close();
    }
  }

  async #write(
    { staging, target, name, report }: { staging: Staging; target: BulkStore; name: string; report: string },
  ): Promise<number> {
    const begun = target.noted && readPosition(target.noted.note);
    if (begun !== undefined && begun.source !== name) {
      throw new StartupError(
        `${this.#db} holds another import: --from has changed since, or --charset or --timezone was another one; ` +
          "name a new database with --db, or empty this one",
      );
    }
    if (target.noted?.isComplete) {
      this.#world.print(`${begun?.report}It was imported before: nothing was written.\n`);
      return 0;
    }
    const isDone = await writeAll({
      source: name,
      from: staging.db,
      to: target,
      passwords: new Passwords({
        cost: this.#options.passwordCost,
        atOnce: navigator.hardwareConcurrency,
      }),
      progress: this.#progress,
      report,
      isStopping: () => this.#isStopping,
    });
    if (!isDone) return this.#interrupted(true);
    this.#world.print(`${report}Start chat-server with it as --db.\n`);
    return 0;
  }

  /** False if it was stopped in between. */
  async #read(source: Source, staging: Staging): Promise<boolean> {
    for (const table of SOURCE_TABLES) {
      this.#progress.begin(`reading ${table}`, await source.count(table));
      let count = 0;
      for await (const row of source.rows(table)) {
        if (this.#isStopping) return false;
        staging.add(table, row);
        this.#progress.add();
        // A signal is heard only in between.
        if (++count % ROWS_A_TURN === 0) await new Promise((resolve) => setTimeout(resolve));
      }
      this.#progress.end();
    }
    return true;
  }

  #interrupted(hasWritten: boolean): number {
    this.#progress.stop();
    this.#world.printError(
      hasWritten
        ? "chat-server import: interrupted; give the same command again and it goes on\n"
        : "chat-server import: interrupted; nothing was written\n",
    );
    return 1;
  }

  /** The new database without its password. */
  get #db(): string {
    const url = URL.parse(this.#options.db);
    return url?.protocol === "mysql:"
      ? `the database ${url.pathname.slice(1)} at ${url.host}`
      : this.#options.db;
  }

  async #openTarget(): Promise<BulkStore> {
    const { db } = this.#options;
    return db.startsWith("sqlite:")
      ? await openSqliteBulk({
        path: db.slice("sqlite:".length),
        durability: "full",
        now: this.#now,
        onReport: ({ message }) => this.#world.printError(`chat-server import: ${message}\n`),
      })
      : await openMysqlBulk({ url: db, poolSize: 2, wait: WAIT, now: this.#now });
  }
}
