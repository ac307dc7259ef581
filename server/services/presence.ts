import { Pauses } from "../pauses.ts";
import { Msg } from "../protocol/msgid.ts";
import type { State } from "../protocol/messages.ts";
import { type Store, StoreUnavailable } from "../stores/store.ts";
import type { Cancel, System } from "../system.ts";
import type { Delivery } from "./delivery.ts";
import type { Sessions } from "./sessions.ts";

/** Users whose friends are looked up together, and the pause before the next ones, in ms. */
const AT_ONCE = 100;
const PAUSE = 10;
/** How often it is looked who is not online any more, in ms, while that may not be heard; else every so many times. */
const LOOK_INTERVAL = 3000;
const SELDOM = 7;
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
  readonly #sessions: Pick<Sessions, "all">;
  readonly #isHearing: () => boolean;
  readonly #system: Pick<System, "now" | "after" | "every">;
  readonly #onDefect: (error: unknown) => void;
  /** Those who went and whose friends have not been told yet. */
  readonly #gone = new Map<number, Gone>();
  #telling: Promise<void> | undefined;
  #looking: Promise<void> | undefined;
  #cancelLook: Cancel | undefined;
  readonly #pauses: Pauses;

  constructor(
    options: {
      store: Pick<Store, "accounts" | "social" | "leases">;
      delivery: Pick<Delivery, "tell">;
      sessions: Pick<Sessions, "all">;
      /** Whether wake-ups from all other nodes arrive. */
      isHearing: () => boolean;
      system: Pick<System, "now" | "after" | "every">;
      onDefect: (error: unknown) => void;
    },
  ) {
    this.#store = options.store;
    this.#delivery = options.delivery;
    this.#sessions = options.sessions;
    this.#isHearing = options.isHearing;
    this.#system = options.system;
    this.#pauses = new Pauses(options.system.after);
    this.#onDefect = options.onDefect;
  }

  /** Begins to look for those who went without that having been heard. */
  start(): void {
    let looks = 0;
    this.#cancelLook = this.#system.every(LOOK_INTERVAL, () => {
      if (!this.#isHearing() || ++looks % SELDOM === 0) this.look();
    });
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
    this.#cancelLook?.();
    this.#pauses.end();
    await this.#telling;
    await this.#looking;
  }

  /** Tells everybody here who is not online any more, although their clients take them for it. */
  look(): void {
    this.#looking ??= this.#look()
      .catch((error) => error instanceof StoreUnavailable ? undefined : this.#onDefect(error))
      .finally(() => this.#looking = undefined);
  }

  async #look(): Promise<void> {
    const taken = this.#sessions.all().map((session) => ({ session, taken: [...session.takenForOnline] }));
    const ids = new Set(taken.flatMap((one) => one.taken.map(([id]) => id)));
    if (ids.size === 0) return;
    const online = await this.#store.leases.online([...ids]);
    for (const { session, taken: others } of taken) {
      for (const [id, other] of others) {
        // Whoever came meanwhile was announced: that is the newer news.
        if (online.has(id) || session.takenForOnline.get(id) !== other || session.ended) continue;
        this.#announce({ id, name: other.name }, { state: "offline", to: [session.user.id] });
      }
    }
  }

  #announce({ id, name }: User, { state, to }: { state: State; to: Iterable<number> }): void {
    for (const friend of to) {
      this.#delivery.tell(friend, { msgid: Msg.PRESENCE, id, name, state, at: this.#system.now() });
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
