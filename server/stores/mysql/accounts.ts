import type { Database } from "./database.ts";
import { codeOf } from "./database.ts";
import { type Account, type AccountStore, MAX_TOKENS, type NewToken } from "../store.ts";

export class MysqlAccounts implements AccountStore {
  readonly #db: Database;
  readonly #now: () => number;

  constructor(db: Database, now: () => number) {
    this.#db = db;
    this.#now = now;
  }

  async create(name: string, password: string): Promise<number | undefined> {
    try {
      const { id } = await this.#db.run("INSERT INTO user (name, password, created) VALUES (?, ?, ?)", [
        name,
        password,
        this.#now(),
      ]);
      return id;
    } catch (error) {
      if (codeOf(error) === "ER_DUP_ENTRY") return undefined;
      throw error;
    }
  }

  async find(by: { readonly id: number } | { readonly name: string }): Promise<Account | undefined> {
    const [column, value] = "id" in by ? ["id", by.id] as const : ["name", by.name] as const;
    const [row] = await this.#db.rows<Account>(`SELECT id, name, password FROM user WHERE ${column} = ?`, [
      value,
    ]);
    // Collations that MySQL and MariaDB have in common ignore spaces at the end.
    return "name" in by && row?.name !== by.name ? undefined : row;
  }

  async setPassword(user: number, password: string): Promise<void> {
    await this.#db.run("UPDATE user SET password = ? WHERE id = ?", [password, user]);
  }

  async addToken({ hash, user, expires }: NewToken, now: number): Promise<void> {
    await this.#db.run("INSERT INTO token (hash, userid, expires) VALUES (?, ?, ?)", [hash, user, expires]);
    const [oldest] = await this.#db.rows<{ expires: number }>(
      `SELECT expires FROM token WHERE userid = ? ORDER BY expires DESC LIMIT 1 OFFSET ${MAX_TOKENS - 1}`,
      [user],
    );
    await this.#db.run("DELETE FROM token WHERE userid = ? AND (expires <= ? OR expires < ?)", [
      user,
      now,
      oldest?.expires ?? 0,
    ]);
  }

  async findToken(
    hash: string,
    now: number,
  ): Promise<{ id: number; name: string; expires: number } | undefined> {
    const [row] = await this.#db.rows<{ id: number; name: string; expires: number }>(
      `SELECT user.id, user.name, token.expires FROM token JOIN user ON user.id = token.userid
        WHERE token.hash = ? AND token.expires > ?`,
      [hash, now],
    );
    return row;
  }
}
