import type { NodeBeat } from "../stores/store.ts";

interface Watched {
  beat: number;
  /** When this counter was seen first, by the watcher's clock. */
  since: number;
}

/** Watches the counters of all nodes, by the clock of the node that watches. */
export class NodeWatch {
  #watched = new Map<string, Watched>();

  /** The counter of a node as it was seen last. */
  beat(node: string): number | undefined {
    return this.#watched.get(node)?.beat;
  }

  /**
   * Takes in what the store knows.
   * @param now In ms, by a clock that never goes back.
   * @returns whether nodes have disappeared, and whether counters went back: then the store is older than it was.
   */
  see(nodes: readonly NodeBeat[], now: number): { gone: boolean; older: boolean } {
    const before = this.#watched;
    let older = false;
    this.#watched = new Map(nodes.map(({ id, beat }) => {
      const known = before.get(id);
      if (known && beat < known.beat) older = true;
      return [id, known?.beat === beat ? known : { beat, since: now }];
    }));
    return { gone: [...before.keys()].some((id) => !this.#watched.has(id)), older };
  }

  /** The watcher was not well itself: everybody gets the whole time once more. */
  restart(now: number): void {
    for (const watched of this.#watched.values()) watched.since = now;
  }

  /** The nodes whose counter has not moved for `ms`. */
  overdue(now: number, ms: number): NodeBeat[] {
    return [...this.#watched].filter(([, { since }]) => now - since >= ms).map(([id, { beat }]) => ({
      id,
      beat,
    }));
  }
}
