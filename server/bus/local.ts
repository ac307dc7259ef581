import type { Bus } from "./bus.ts";

/**
 * A bus that carries nothing. For a node that is alone it works: there is nobody whom it does not reach. Nodes that have
 * only their store in common ask its log instead.
 */
export function noBus({ alone }: { alone: boolean }): Bus {
  return {
    working: alone,
    carries: false,
    publish: () => {},
    subscribe: () => Promise.resolve(),
    unsubscribe: () => {},
    close: () => Promise.resolve(),
  };
}
