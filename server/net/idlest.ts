/** A connection as far as it can be idle. */
export interface MayBeIdle {
  /** For how long nobody has been logged in and nothing has come in, in ms; 0 if that is not so. */
  readonly idleFor: number;
}

/** Who has connected or asked something less than so long ago is about to log in, in ms. */
const LEAST = 10_000;
/** All connections are looked at once in so long, in ms: who opens many must not keep the server looking. */
const INTERVAL = 1000;

/** Finds the connections that a server that has too many can best do without: those idle for longest. */
export class Idlest<Connection extends MayBeIdle> {
  readonly #now: () => number;
  /** What the last look has found, the longest idle one last. */
  #found: Connection[] = [];
  #looked = -Infinity;

  /** @param now A clock in ms that nobody can set. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Takes the next one that has been idle for 10 s at least; undefined if there is none, or none was just now. */
  take(connections: Iterable<Connection>): Connection | undefined {
    if (this.#found.length === 0 && this.#now() - this.#looked >= INTERVAL) {
      this.#looked = this.#now();
      this.#found = [...connections].filter(isIdle).sort((a, b) => a.idleFor - b.idleFor);
    }
    for (let found = this.#found.pop(); found; found = this.#found.pop()) if (isIdle(found)) return found;
    return undefined;
  }
}

const isIdle = ({ idleFor }: MayBeIdle) => idleFor >= LEAST;
