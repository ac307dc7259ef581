import type { DatabaseSync } from "node:sqlite";
import { Statement } from "./statements.ts";
import type { Writes } from "./writes.ts";
import type { Account, AccountStore, NewToken, TokenOwner, UserDevice } from "../store.ts";

export class SqliteAccounts implements AccountStore {
  readonly #writes: Writes;
  readonly #now: () => number;
  readonly #byId: Statement<Account>;
  readonly #byName: Statement<Account>;
  readonly #token: Statement<TokenOwner>;

  constructor(db: DatabaseSync, options: { writes: Writes; now: () => number }) {
    this.#writes = options.writes;
    this.#now = options.now;
    this.#byId = new Statement(db, "SELECT id, name, password FROM user WHERE id = ?");
    this.#byName = new Statement(db, "SELECT id, name, password FROM user WHERE name = ?");
    this.#token = new Statement(
      db,
      `SELECT user.id, user.name, token.device, token.expires FROM token JOIN user ON user.id = token.userid
        WHERE token.hash = ? AND token.expires > ?`,
    );
  }

  create(name: string, password: string, options: { skeleton?: string } = {}): Promise<number | undefined> {
    return this.#writes.call("createUser", { name, password, ...options, now: this.#now() });
  }

  // `async` turns what the synchronous driver throws into a rejection.
  async find(by: { readonly id: number } | { readonly name: string }): Promise<Account | undefined> {
    return await ("id" in by ? this.#byId.get(by.id) : this.#byName.get(by.name));
  }

  setPassword(user: number, password: string): Promise<void> {
    return this.#writes.call("setPassword", { user, password });
  }

  addToken(token: NewToken, now: number): Promise<void> {
    return this.#writes.call("addToken", { token, now });
  }

  async findToken(hash: string, now: number): Promise<TokenOwner | undefined> {
    return await this.#token.get(hash, now);
  }

  removeTokens({ user, device }: UserDevice): Promise<void> {
    return this.#writes.call("removeTokens", { user, device });
  }

  setSeen(users: readonly { user: number; seen: number }[]): Promise<void> {
    return this.#writes.call("setSeen", users);
  }
}
