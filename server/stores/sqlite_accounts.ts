import type { DatabaseSync } from "node:sqlite";
import { Statement, transaction } from "./sqlite_statements.ts";
import type { Account, AccountStore, NewToken } from "./store.ts";
import { MAX_TOKENS } from "./store.ts";

export class SqliteAccounts implements AccountStore {
  readonly #db: DatabaseSync;
  readonly #now: () => number;
  readonly #insert: Statement<{ id: number }>;
  readonly #byId: Statement<Account>;
  readonly #byName: Statement<Account>;
  readonly #setPassword: Statement<never>;
  readonly #addToken: Statement<never>;
  readonly #trimTokens: Statement<never>;
  readonly #token: Statement<{ id: number; name: string; expires: number }>;

  constructor(db: DatabaseSync, now: () => number) {
    this.#db = db;
    this.#now = now;
    this.#insert = new Statement(
      db,
      "INSERT INTO user (name, password, created) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING RETURNING id",
    );
    this.#byId = new Statement(db, "SELECT id, name, password FROM user WHERE id = ?");
    this.#byName = new Statement(db, "SELECT id, name, password FROM user WHERE name = ?");
    this.#setPassword = new Statement(db, "UPDATE user SET password = ? WHERE id = ?");
    this.#addToken = new Statement(db, "INSERT INTO token (hash, userid, expires) VALUES (?, ?, ?)");
    this.#trimTokens = new Statement(
      db,
      `DELETE FROM token WHERE userid = ?1 AND (expires <= ?2 OR hash NOT IN
         (SELECT hash FROM token WHERE userid = ?1 ORDER BY expires DESC LIMIT ?3))`,
    );
    this.#token = new Statement(
      db,
      `SELECT user.id, user.name, token.expires FROM token JOIN user ON user.id = token.userid
        WHERE token.hash = ? AND token.expires > ?`,
    );
  }

  // `async` turns what the synchronous driver throws into a rejection.
  async create(name: string, password: string): Promise<number | undefined> {
    return await this.#insert.get(name, password, this.#now())?.id;
  }

  async find(by: { readonly id: number } | { readonly name: string }): Promise<Account | undefined> {
    return await ("id" in by ? this.#byId.get(by.id) : this.#byName.get(by.name));
  }

  async setPassword(user: number, password: string): Promise<void> {
    await this.#setPassword.run(password, user);
  }

  async addToken(token: NewToken, now: number): Promise<void> {
    await transaction(this.#db, () => {
      this.#addToken.run(token.hash, token.user, token.expires);
      this.#trimTokens.run(token.user, now, MAX_TOKENS);
    });
  }

  async findToken(
    hash: string,
    now: number,
  ): Promise<{ id: number; name: string; expires: number } | undefined> {
    return await this.#token.get(hash, now);
  }
}
