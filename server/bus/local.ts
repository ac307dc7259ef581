import type { Bus, BusEvents } from "./bus.ts";

/** What the nodes of one process have in common; a node alone has one of its own. */
export class LocalHub {
  readonly #channels = new Map<string, Set<BusEvents>>();

  /** A bus for one node. */
  connect(events: BusEvents): Bus {
    const subscribed = new Set<string>();
    const unsubscribe = (channels: Iterable<string>) => {
      for (const channel of channels) {
        subscribed.delete(channel);
        const listeners = this.#channels.get(channel);
        listeners?.delete(events);
        if (listeners?.size === 0) this.#channels.delete(channel);
      }
    };
    return {
      working: true,
      publish: (channel, payload) => {
        const listeners = this.#channels.get(channel);
        // Later, as if it had travelled: whoever publishes is not called back in the middle.
        if (listeners) {
          queueMicrotask(() => listeners.forEach((listener) => listener.message(channel, payload)));
        }
      },
      subscribe: (channels) => {
        for (const channel of channels) {
          subscribed.add(channel);
          const listeners = this.#channels.get(channel);
          if (listeners) listeners.add(events);
          else this.#channels.set(channel, new Set([events]));
        }
        return Promise.resolve();
      },
      unsubscribe,
      close: () => {
        unsubscribe([...subscribed]);
        return Promise.resolve();
      },
    };
  }
}

/** A bus that carries nothing, for nodes that have only their store in common: they ask its log instead. */
export function noBus(): Bus {
  return {
    working: false,
    publish: () => {},
    subscribe: () => Promise.resolve(),
    unsubscribe: () => {},
    close: () => Promise.resolve(),
  };
}
