import type { MariaDb } from "../services.ts";

/** The tables of the older servers of this protocol. */
export const OLDER_TABLES = `
  CREATE TABLE user (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(50) NOT NULL UNIQUE,
    password VARCHAR(50) NOT NULL, state ENUM ('online', 'offline') DEFAULT 'offline');
  CREATE TABLE friend (userid INT NOT NULL, friendid INT NOT NULL, PRIMARY KEY (userid, friendid));
  CREATE TABLE allgroup (id INT PRIMARY KEY AUTO_INCREMENT, groupname VARCHAR(50) NOT NULL UNIQUE,
    groupdesc VARCHAR(200) DEFAULT '');
  CREATE TABLE groupuser (groupid INT NOT NULL, userid INT NOT NULL,
    grouprole ENUM ('creator', 'normal') DEFAULT 'normal', PRIMARY KEY (groupid, userid));
  CREATE TABLE offlinemessage (userid INT NOT NULL, message VARCHAR(500) NOT NULL);`;

/**
 * What an older server would have left, written as it writes: statements are put together as text, so the database takes
 * the backslashes of the JSON for its own.
 */
export class OlderServer {
  readonly #db: MariaDb;
  readonly url: string;
  readonly #database: string;
  readonly #charset: string;

  private constructor(db: MariaDb, options: { url: string; charset: string }) {
    this.#db = db;
    this.url = options.url;
    this.#database = new URL(options.url).pathname.slice(1);
    this.#charset = options.charset;
  }

  /** @param charset What its connection says; it writes UTF-8 all the same. */
  static async start(db: MariaDb, charset = "utf8mb4"): Promise<OlderServer> {
    const server = new OlderServer(db, { url: await db.freshDatabase(), charset });
    await server.run(OLDER_TABLES);
    return server;
  }

  async run(sql: string): Promise<string> {
    return await this.#db.sql(`SET NAMES ${this.#charset}; SET SESSION sql_mode = ''; ${sql}`, {
      database: this.#database,
    });
  }

  async register(...users: (readonly [id: number, name: string, password: string])[]): Promise<void> {
    for (const [id, name, password] of users) {
      await this.run(`INSERT INTO user VALUES (${id}, '${name}', '${password}', 'offline')`);
    }
  }

  /** A frame that waits for users who are away. */
  async wait(frame: object, ...receivers: number[]): Promise<void> {
    // nlohmann::json writes the keys in their order and no spaces.
    const json = JSON.stringify(Object.fromEntries(Object.entries(frame).sort(([a], [b]) => a < b ? -1 : 1)));
    for (const id of receivers) await this.run(`INSERT INTO offlinemessage VALUES (${id}, '${json}')`);
  }

  /** Something that changes with everything that is in the tables. */
  async checksum(): Promise<string> {
    return await this.run(
      "SHOW TABLES; CHECKSUM TABLE user, friend, allgroup, groupuser, offlinemessage EXTENDED",
    );
  }
}
