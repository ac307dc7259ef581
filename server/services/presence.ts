import { Msg } from "../protocol/msgid.ts";
import type { State } from "../protocol/messages.ts";
import { type Store, StoreUnavailable } from "../stores/store.ts";
import type { Delivery } from "./delivery.ts";

/** Tells online friends who comes and goes. */
export class Presence {
  readonly #store: Store;
  readonly #delivery: Delivery;
  readonly #now: () => number;
  readonly #onDefect: (error: unknown) => void;

  constructor(
    options: { store: Store; delivery: Delivery; now: () => number; onDefect: (error: unknown) => void },
  ) {
    this.#store = options.store;
    this.#delivery = options.delivery;
    this.#now = options.now;
    this.#onDefect = options.onDefect;
  }

  /** Tells these friends, who are online. */
  announce(user: { id: number; name: string }, options: { state: State; to: Iterable<number> }): void {
    const { id, name } = user;
    const { state, to } = options;
    for (const friend of to) {
      this.#delivery.tell(friend, { msgid: Msg.PRESENCE, id, name, state, at: this.#now() });
    }
  }

  /** A user's session has ended. */
  left(user: { id: number; name: string }): Promise<void> {
    return this.#guard(async () => {
      const friends = await this.#store.social.friends(user.id);
      if (friends.length === 0) return;
      const to = await this.#store.leases.online([...friends.map(({ id }) => id), user.id]);
      // Logged in again in the meantime: that was announced, and is the newer news.
      if (!to.has(user.id)) this.announce(user, { state: "offline", to });
    });
  }

  /** The node of these users died. */
  lost(users: readonly number[]): Promise<void> {
    return Promise.all(users.map((id) =>
      this.#guard(async () => {
        const account = await this.#store.accounts.find({ id });
        if (account) await this.left({ id, name: account.name });
      })
    )).then(() => {});
  }

  /** Nobody waits for this news, and none is lost that a login does not show as well. */
  async #guard(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) this.#onDefect(error);
    }
  }
}
