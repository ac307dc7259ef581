import { codeOf, type Database, padded, placeholders } from "./database.ts";
import { GroupCommit } from "../group_commit.ts";
import { byKey, Lookup } from "../lookup.ts";
import {
  type Account,
  type AccountStore,
  MAX_TOKENS,
  type NewToken,
  type TokenOwner,
  type UserDevice,
} from "../store.ts";

/** How many accounts or tokens one statement is about, at most. */
const AT_ONCE = 64;

export class MysqlAccounts implements AccountStore {
  readonly #db: Database;
  readonly #logins: Database;
  readonly #now: () => number;
  readonly #byId: Lookup<number, Account>;
  readonly #byName: Lookup<string, Account>;
  readonly #tokens: Lookup<string, TokenOwner>;
  readonly #newTokens: GroupCommit<NewToken & { readonly now: number }, void>;

  constructor({ db, logins, now }: { db: Database; logins: Database; now: () => number }) {
    this.#db = db;
    this.#logins = logins;
    this.#now = now;
    const { slots } = logins;
    this.#byId = new Lookup((ids) => this.#find("id", ids), { most: AT_ONCE, slots });
    // Collations that MySQL and MariaDB have in common ignore spaces at the end; the names in the map do not.
    this.#byName = new Lookup((names) => this.#find("name", names), { most: AT_ONCE, slots });
    this.#tokens = new Lookup((hashes) => this.#findTokens(hashes), { most: AT_ONCE, slots });
    this.#newTokens = new GroupCommit((tokens) => this.#addTokens(tokens), {
      entries: AT_ONCE,
      size: AT_ONCE,
      sizeOf: () => 1,
    });
  }

  async create(
    name: string,
    password: string,
    { skeleton }: { skeleton?: string } = {},
  ): Promise<number | undefined> {
    try {
      const { id } = await this.#db.run(
        "INSERT INTO user (name, password, skeleton, created) VALUES (?, ?, ?, ?)",
        [name, password, skeleton ?? null, this.#now()],
      );
      return id;
    } catch (error) {
      if (codeOf(error) === "ER_DUP_ENTRY") return undefined;
      throw error;
    }
  }

  find(by: { readonly id: number } | { readonly name: string }): Promise<Account | undefined> {
    return "id" in by ? this.#byId.get(by.id) : this.#byName.get(by.name);
  }

  async setPassword(user: number, password: string): Promise<void> {
    await this.#db.run("UPDATE user SET password = ? WHERE id = ?", [password, user]);
  }

  addToken(token: NewToken, now: number): Promise<void> {
    return this.#newTokens.add({ ...token, now });
  }

  async findToken(hash: string, now: number): Promise<TokenOwner | undefined> {
    const owner = await this.#tokens.get(hash);
    return owner && owner.expires > now ? owner : undefined;
  }

  async removeTokens({ user, device }: UserDevice): Promise<void> {
    await this.#db.run("DELETE FROM token WHERE userid = ? AND device = ?", [user, device]);
  }

  async setSeen(users: readonly { user: number; seen: number }[]): Promise<void> {
    for (let at = 0; at < users.length; at += AT_ONCE) {
      const some = users.slice(at, at + AT_ONCE);
      // Moments of a write that gathers for half a second: the newest one stands for all.
      const seen = Math.max(...some.map((one) => one.seen));
      // In the order of the key, so that two nodes do not wait for each other.
      const ids = padded(some.map(({ user }) => user).sort((a, b) => a - b));
      await this.#db.run(
        `UPDATE user SET seen = GREATEST(seen, ?) WHERE id IN (${placeholders(ids.length)})`,
        [seen, ...ids],
      );
    }
  }

  async #find<Column extends "id" | "name">(
    column: Column,
    keys: readonly Account[Column][],
  ): Promise<Map<Account[Column], Account>> {
    const some = padded(keys);
    const accounts = await this.#logins.rows<Account>(
      `SELECT id, name, password FROM user WHERE ${column} IN (${placeholders(some.length)})`,
      some,
    );
    return new Map(accounts.map((account) => [account[column], account]));
  }

  async #findTokens(hashes: readonly string[]): Promise<Map<string, TokenOwner>> {
    const some = padded(hashes);
    const owners = await this.#logins.rows<TokenOwner & { hash: string }>(
      `SELECT token.hash, user.id, user.name, token.device, token.expires FROM token JOIN user ON user.id = token.userid
        WHERE token.hash IN (${placeholders(some.length)})`,
      some,
    );
    return new Map(owners.map(({ hash, ...owner }) => [hash, owner]));
  }

  /** One statement that inserts, one that looks for too many, and seldom one that removes them. */
  async #addTokens(added: readonly (NewToken & { now: number })[]): Promise<void[]> {
    const tokens = padded(added);
    await this.#db.run(
      `INSERT INTO token (hash, userid, device, expires) VALUES ${placeholders(tokens.length, 4)}
       ON DUPLICATE KEY UPDATE hash = VALUES(hash)`,
      tokens.flatMap(({ hash, user, device, expires }) => [hash, user, device, expires]),
    );
    const users = padded([...new Set(added.map(({ user }) => user))]);
    const kept = await this.#db.rows<{ hash: string; userid: number; device: string; expires: number }>(
      `SELECT hash, userid, device, expires FROM token WHERE userid IN (${placeholders(users.length)})`,
      users,
    );
    const now = Math.max(...added.map((token) => token.now));
    const surplus = [...byKey(kept, ({ userid, device }) => `${userid} ${device}`).values()].flatMap(
      (ofDevice) => {
        const oldest = ofDevice.map(({ expires }) => expires).sort((a, b) => b - a)[MAX_TOKENS - 1] ?? 0;
        return ofDevice.filter(({ expires }) => expires <= now || expires < oldest);
      },
    );
    for (let at = 0; at < surplus.length; at += AT_ONCE) {
      const hashes = padded(surplus.slice(at, at + AT_ONCE).map(({ hash }) => hash));
      await this.#db.run(`DELETE FROM token WHERE hash IN (${placeholders(hashes.length)})`, hashes);
    }
    return added.map(() => undefined);
  }
}
