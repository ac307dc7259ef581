import { needBinary, run } from "./command.ts";
import { ensureDataFolder } from "./mariadb_template.ts";
import { firstAnswer } from "./probe.ts";
import { Daemon, launch, type Place } from "./process.ts";

const USER = "chat";
const PASSWORD = "secret";
/** Both names: with --skip-name-resolve a TCP connection is from 127.0.0.1 only, one of the socket from localhost. */
const CREATE_USERS = ["127.0.0.1", "localhost"].map((host) => `
  CREATE USER IF NOT EXISTS '${USER}'@'${host}' IDENTIFIED BY '${PASSWORD}';
  GRANT ALL ON \`${USER}%\`.* TO '${USER}'@'${host}';`).join("");
const CREATE_DATABASE = (name: string) => `CREATE DATABASE IF NOT EXISTS \`${name}\` CHARACTER SET utf8mb4;`;

export interface MariaDbOptions {
  /** The port to use; a free one if not given. */
  readonly port?: number;
  /** `innodb-buffer-pool-size`; "64M" if not given. */
  readonly bufferPoolSize?: string;
  /** `innodb-flush-log-at-trx-commit`; 1 (each commit is on disk) if not given, 2 and 0 are faster and lose some. */
  readonly flushLogAtCommit?: 0 | 1 | 2;
  /**
   * An absolute path for the data directory, which stays when the server is disposed of: filled if it is not there,
   * else gone on with. Of one server at a time. A temporary folder if not given.
   */
  readonly dataFolder?: string;
  /** A command that becomes mariadbd when it is given mariadbd's own: `["env", "LD_PRELOAD=…"]`. */
  readonly wrapper?: readonly string[];
  /** More of mariadbd's own options; they win over those set here. */
  readonly args?: readonly string[];
}

/** A MariaDB with a user `chat`, who owns (and may create) the databases whose names begin with `chat`. */
export interface MariaDb extends Daemon {
  /** `mysql://chat:secret@127.0.0.1:PORT/chat`: an empty utf8mb4 database. */
  readonly url: string;
  /** Creates another empty utf8mb4 database; its URL. */
  freshDatabase(): Promise<string>;
  /** Runs SQL as root; what it selects, tab-separated, a row a line, without headings. */
  sql(sql: string, options?: { database?: string }): Promise<string>;
}

/** Starts a MariaDB on loopback; it takes queries, and `url` exists, when the promise resolves. */
export async function startMariaDb(options: MariaDbOptions = {}): Promise<MariaDb> {
  const binaries = { server: await needBinary("mariadbd"), client: await needBinary("mariadb") };
  const db = await launch(async (place) => {
    const dataFolder = options.dataFolder ?? `${place.folder}/data`;
    await ensureDataFolder(dataFolder);
    await Deno.mkdir(`${place.folder}/tmp`);
    return new MariaDbServer(place, { binaries, dataFolder, options });
  }, options);
  try {
    await db.sql(CREATE_USERS + CREATE_DATABASE(USER));
    return db;
  } catch (error) {
    await db[Symbol.asyncDispose]();
    throw error;
  }
}

class MariaDbServer extends Daemon implements MariaDb {
  readonly url: string;
  readonly #client: string;
  readonly #socket: string;

  constructor(
    place: Place,
    setup: {
      binaries: { server: string; client: string };
      dataFolder: string;
      options: MariaDbOptions;
    },
  ) {
    const { folder, port } = place;
    const socket = `${folder}/s`;
    super(place, {
      name: "mariadbd",
      deathSignal: "KILL",
      command: [
        ...setup.options.wrapper ?? [],
        setup.binaries.server,
        "--no-defaults",
        `--datadir=${setup.dataFolder}`,
        `--tmpdir=${folder}/tmp`,
        `--socket=${socket}`,
        `--pid-file=${folder}/pid`,
        `--port=${port}`,
        "--bind-address=127.0.0.1",
        "--skip-name-resolve",
        "--skip-log-bin",
        "--max-connections=200",
        `--innodb-buffer-pool-size=${setup.options.bufferPoolSize ?? "64M"}`,
        `--innodb-flush-log-at-trx-commit=${setup.options.flushLogAtCommit ?? 1}`,
        "--innodb-buffer-pool-load-at-startup=OFF",
        "--innodb-buffer-pool-dump-at-shutdown=OFF",
        // mariadbd refuses to run as root unless told that this is meant.
        ...Deno.uid() === 0 ? ["--user=root"] : [],
        ...setup.options.args ?? [],
      ],
    });
    this.url = this.#urlOf(USER);
    this.#client = setup.binaries.client;
    this.#socket = socket;
  }

  async freshDatabase(): Promise<string> {
    const name = `${USER}_${crypto.randomUUID().slice(0, 8)}`;
    await this.sql(CREATE_DATABASE(name));
    return this.#urlOf(name);
  }

  async sql(sql: string, options: { database?: string } = {}): Promise<string> {
    const { stdout } = await run([
      this.#client,
      "--no-defaults",
      `--socket=${this.#socket}`,
      "--user=root",
      "--default-character-set=utf8mb4",
      "--batch",
      "--skip-column-names",
      ...options.database === undefined ? [] : [options.database],
    ], { stdin: sql });
    return stdout.trimEnd();
  }

  /** The server speaks first: three bytes of length, a sequence number, then 10 for its handshake (255: an error). */
  protected override async isReady(): Promise<boolean> {
    return (await firstAnswer(this.#socket))?.[4] === 10;
  }

  #urlOf(database: string): string {
    return `mysql://${USER}:${PASSWORD}@${this.hostname}:${this.port}/${database}`;
  }
}
