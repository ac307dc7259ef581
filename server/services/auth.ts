import { createHash } from "node:crypto";
import { Errno, Refusal } from "../errors.ts";
import type { Account, AccountStore, UserDevice } from "../stores/store.ts";
import type { System } from "../system.ts";
import type { LoginThrottle } from "./login_throttle.ts";
import type { PasswordHashing } from "./passwords.ts";
import { skeletonOf } from "./skeleton.ts";

const DAY = 24 * 60 * 60 * 1000;
const TOKEN_BYTES = 32;
const TOKEN_LIFE = 30 * DAY;
/** A token that is used with less than this left is answered by a new one. */
const TOKEN_RENEWAL = 15 * DAY;

/** What a client may show to say who it is, after its schema. */
export interface Credentials {
  readonly id?: number | undefined;
  readonly name?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  readonly device?: string | undefined;
}

export interface Identity {
  readonly id: number;
  readonly name: string;
  /** The token that the client showed, if it is good for a while yet. */
  readonly token?: string;
}

/** Accounts: registering, proving who one is by password or token. */
export class Auth {
  readonly #accounts: AccountStore;
  readonly #passwords: PasswordHashing;
  readonly #throttle: LoginThrottle;
  readonly #system: Pick<System, "now" | "secret">;

  constructor(options: {
    accounts: AccountStore;
    passwords: PasswordHashing;
    throttle: LoginThrottle;
    system: Pick<System, "now" | "secret">;
  }) {
    this.#accounts = options.accounts;
    this.#passwords = options.passwords;
    this.#throttle = options.throttle;
    this.#system = options.system;
  }

  /**
   * The new user's id.
   * @throws {Refusal} errno 1 if somebody has the name, or one that looks like it.
   */
  async register(name: string, password: string): Promise<number> {
    if (await this.#accounts.find({ name })) throw taken();
    const hash = await this.#passwords.hash(password);
    const id = await this.#accounts.create(name, hash, { skeleton: skeletonOf(name) });
    if (id !== undefined) return id;
    throw await this.#accounts.find({ name })
      ? taken()
      : new Refusal(Errno.DENIED, "this name looks like one that is taken");
  }

  /**
   * Who the credentials belong to. An unknown user and a wrong password get the same answer after the same work.
   * @throws {Refusal} errno 1, or 112 after too many failures for this account.
   */
  async authenticate(credentials: Credentials): Promise<Identity> {
    return credentials.token === undefined
      ? await this.#byPassword(credentials)
      : await this.#byToken(credentials.token, credentials);
  }

  /** A new token that logs the user in for 30 days, on this device. */
  async issueToken(owner: UserDevice): Promise<string> {
    const token = this.#system.secret(TOKEN_BYTES);
    const now = this.#system.now();
    await this.#accounts.addToken({ ...owner, hash: sha256(token), expires: now + TOKEN_LIFE }, now);
    return token;
  }

  /** Ends the tokens of a device. */
  async endTokens(owner: UserDevice): Promise<void> {
    await this.#accounts.removeTokens(owner);
  }

  async #byPassword({ id, name, password = "" }: Credentials): Promise<Identity> {
    const account = await this.#find(id, name);
    const key = account ? `id ${account.id}` : id === undefined ? `name ${name}` : `id ${id}`;
    this.#throttle.check(key);
    const right = await this.#passwords.verify(password, account?.password);
    if (!right || !account) {
      this.#throttle.failed(key);
      throw denied();
    }
    this.#throttle.succeeded(key);
    if (this.#passwords.isOutdated(account.password)) {
      await this.#accounts.setPassword(account.id, await this.#passwords.hash(password));
    }
    return { id: account.id, name: account.name };
  }

  async #byToken(token: string, { id, name, device = "" }: Credentials): Promise<Identity> {
    const now = this.#system.now();
    const owner = await this.#accounts.findToken(sha256(token), now);
    const another = owner &&
      ((id !== undefined && id !== owner.id) || (name !== undefined && !isCalled(owner, name)) ||
        device !== owner.device);
    if (!owner || another) throw denied();
    const identity = { id: owner.id, name: owner.name };
    return owner.expires - now < TOKEN_RENEWAL ? identity : { ...identity, token };
  }

  async #find(id: number | undefined, name: string | undefined): Promise<Account | undefined> {
    if (id === undefined) return await this.#findByName(name ?? "");
    const account = await this.#accounts.find({ id });
    return name === undefined || (account && isCalled(account, name)) ? account : undefined;
  }

  /** Names of older accounts may have any form; new ones have one, however they are typed. */
  async #findByName(name: string): Promise<Account | undefined> {
    const account = await this.#accounts.find({ name });
    const form = name.normalize("NFC");
    return account || form === name ? account : await this.#accounts.find({ name: form });
  }
}

const isCalled = (owner: { readonly name: string }, name: string) =>
  owner.name === name || owner.name === name.normalize("NFC");

const taken = () => new Refusal(Errno.DENIED, "this name is taken");
const denied = () => new Refusal(Errno.DENIED, "no such user, or wrong password");

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
