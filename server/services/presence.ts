import { Pauses } from "../pauses.ts";
import { Msg } from "../protocol/msgid.ts";
import type { State } from "../protocol/messages.ts";
import { type Store, StoreUnavailable } from "../stores/store.ts";
import type { System } from "../system.ts";
import type { Delivery } from "./delivery.ts";

/** Users whose friends are looked up together, and the pause before the next ones, in ms. */
const AT_ONCE = 100;
const PAUSE = 10;
/** The pause after the store could not be asked, in ms. */
const RETRY = 500;

interface User {
  readonly id: number;
  readonly name: string;
}

/** Somebody who went, each time another object; those of a dead node have no names here. */
interface Gone {
  readonly name?: string;
}

/**
 * Tells online friends who comes and goes. That somebody went is told in the background, some users at a time: a
 * thousand who go at once keep nobody waiting.
 */
export class Presence {
  readonly #store: Pick<Store, "accounts" | "social" | "leases">;
  readonly #delivery: Pick<Delivery, "tell">;
  readonly #now: () => number;
  readonly #onDefect: (error: unknown) => void;
  /** Those who went and whose friends have not been told yet. */
  readonly #gone = new Map<number, Gone>();
  #telling: Promise<void> | undefined;
  readonly #pauses: Pauses;

  constructor(
    options: {
      store: Pick<Store, "accounts" | "social" | "leases">;
      delivery: Pick<Delivery, "tell">;
      system: Pick<System, "now" | "after">;
      onDefect: (error: unknown) => void;
    },
  ) {
    this.#store = options.store;
    this.#delivery = options.delivery;
    this.#now = options.system.now;
    this.#pauses = new Pauses(options.system.after);
    this.#onDefect = options.onDefect;
  }

  /** A user's session has begun; these friends of theirs are online. */
  came(user: User, friends: Iterable<number>): void {
    this.#gone.delete(user.id);
    this.#announce(user, { state: "online", to: friends });
  }

  /** A user's session has ended. */
  left(user: User): void {
    this.#gone.set(user.id, { name: user.name });
    this.#begin();
  }

  /** Tells a user how another one is. Never rejects. */
  async show(to: number, other: number): Promise<void> {
    try {
      const [account, online] = await Promise.all([
        this.#store.accounts.find({ id: other }),
        this.#store.leases.online([other]),
      ]);
      if (account) this.#announce(account, { state: online.has(other) ? "online" : "offline", to: [to] });
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) this.#onDefect(error);
    }
  }

  /** The node of these users died. */
  lost(users: readonly number[]): void {
    for (const id of users) this.#gone.set(id, {});
    this.#begin();
  }

  /** Resolves when everybody has been told who is gone; without pauses from now on. */
  async close(): Promise<void> {
    this.#pauses.end();
    await this.#telling;
  }

  #announce({ id, name }: User, { state, to }: { state: State; to: Iterable<number> }): void {
    for (const friend of to) {
      this.#delivery.tell(friend, { msgid: Msg.PRESENCE, id, name, state, at: this.#now() });
    }
  }

  #begin(): void {
    this.#telling ??= this.#tellAll().finally(() => this.#telling = undefined);
  }

  /** Never rejects. */
  async #tellAll(): Promise<void> {
    while (this.#gone.size > 0) {
      const some = new Map([...this.#gone].slice(0, AT_ONCE));
      try {
        await this.#tell(some);
      } catch (error) {
        if (error instanceof StoreUnavailable && !this.#pauses.ended) {
          await this.#pauses.pause(RETRY);
          continue;
        }
        if (!(error instanceof StoreUnavailable)) this.#onDefect(error);
      }
      for (const [id, gone] of some) {
        if (this.#gone.get(id) === gone) this.#gone.delete(id);
      }
      if (this.#gone.size > 0) await this.#pauses.pause(PAUSE);
    }
  }

  async #tell(some: ReadonlyMap<number, Gone>): Promise<void> {
    const { accounts, social, leases } = this.#store;
    const known = await Promise.all([...some].map(async ([id, { name }]) => {
      const [account, friends] = await Promise.all([
        name === undefined ? accounts.find({ id }) : { name },
        social.friends(id),
      ]);
      return { id, name: account?.name, friends: friends.map((friend) => friend.id) };
    }));
    const online = await leases.online([...new Set(known.flatMap(({ id, friends }) => [id, ...friends]))]);
    for (const { id, name, friends } of known) {
      // Logged in again in the meantime: that was announced, and is the newer news.
      if (name === undefined || online.has(id) || this.#gone.get(id) !== some.get(id)) continue;
      this.#announce({ id, name }, { state: "offline", to: friends.filter((friend) => online.has(friend)) });
    }
  }
}
