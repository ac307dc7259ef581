import { areIndependent, type Touches } from "./touches.ts";

/** One thing that can happen next. */
export interface Action {
  /** Unlike all others that can happen at the same time; the same for as long as it has not happened. */
  readonly name: string;
  /** Who does it. What one writer does is always in its own order. */
  readonly writer: string;
  /** What it touches; once it has happened, what it has touched. */
  readonly touches: Touches;
}

/** A moment at which something was chosen. */
interface Moment<A extends Action> {
  readonly actions: readonly A[];
  /** What need not be tried here: it would come to the same as another schedule. */
  readonly asleep: readonly A[];
  readonly tried: A[];
  chosen: A;
}

const swaps = (one: Action, two: Action) =>
  one.writer !== two.writer && areIndependent(one.touches, two.touches);

/** The run went another way than it had with the same choices before. */
export class Astray extends Error {
  override readonly name = "Astray";
}

/**
 * Enumerates all orders in which the actions of some writers can happen, depth first, by running everything from the
 * beginning for each order. Of orders that differ only in neighbours which touch nothing in common it runs one: sleep
 * sets, see P. Godefroid, "Partial-Order Methods for the Verification of Concurrent Systems", chapter 5.
 *
 * ```ts
 * for (const explorer = new Explorer(); !explorer.isDone; explorer.next()) await run((actions) => explorer.choose(actions));
 * ```
 */
export class Explorer<A extends Action> {
  readonly #path: Moment<A>[] = [];
  #depth = 0;
  #isRepeated = false;
  #isDone = false;

  get isDone(): boolean {
    return this.#isDone;
  }

  /** Whether this run comes to the same as another one. */
  get isRepeated(): boolean {
    return this.#isRepeated;
  }

  /** What was chosen in this run. */
  get order(): A[] {
    return this.#path.map(({ chosen }) => chosen);
  }

  /**
   * Undefined if whatever comes now would come to the same as another run.
   * @param actions Everything that can happen next, at least one.
   * @throws {Astray}
   */
  choose(actions: readonly A[]): A | undefined {
    if (this.#isRepeated) return undefined;
    const before = this.#path[this.#depth++];
    if (before) {
      const names = (some: readonly A[]) => some.map(({ name }) => name).join(" ");
      // Those of this run: an action of another run cannot happen in it.
      if (names(before.actions) === names(actions)) {
        return actions.find(({ name }) => name === before.chosen.name)!;
      }
      throw new Astray(`step ${this.#depth} has the choices ${names(actions)}, not ${names(before.actions)}`);
    }
    const last = this.#path.at(-1);
    const asleep = last ? [...last.asleep, ...last.tried].filter((action) => swaps(action, last.chosen)) : [];
    const chosen = firstOf(actions, asleep);
    if (!chosen) {
      this.#isRepeated = true;
      return undefined;
    }
    this.#path.push({ actions, asleep, tried: [], chosen });
    return chosen;
  }

  /** Begins the same run again. */
  again(): void {
    this.#depth = 0;
    this.#isRepeated = false;
  }

  /** Ends this run and prepares the next one. */
  next(): void {
    this.again();
    for (let last = this.#path.at(-1); last; last = this.#path.at(-1)) {
      last.tried.push(last.chosen);
      const chosen = firstOf(last.actions, [...last.asleep, ...last.tried]);
      if (chosen) {
        last.chosen = chosen;
        return;
      }
      this.#path.pop();
    }
    this.#isDone = true;
  }
}

function firstOf<A extends Action>(actions: readonly A[], except: readonly A[]): A | undefined {
  return actions.find(({ name }) => !except.some((other) => other.name === name));
}

/** How many orders of two writers' actions come to the same as this one, itself included. */
export function ordersLike(order: readonly Action[]): number {
  const places = order.map((action, place) => ({ ...action, place }));
  const one = places.filter(({ writer }) => writer === order[0]?.writer);
  const two = places.filter(({ writer }) => writer !== order[0]?.writer);
  /** Whether the first `done` of the other writer's actions are what this one has to come after. */
  const fits = (action: typeof places[number], { others, done }: { others: typeof places; done: number }) =>
    others.every((other, i) => swaps(action, other) || (other.place < action.place) === (i < done));
  // ways[j]: orders of the first i actions of one and the first j of two.
  let ways = [1];
  for (let j = 1; j <= two.length; j++) {
    ways[j] = fits(two[j - 1]!, { others: one, done: 0 }) ? ways[j - 1]! : 0;
  }
  for (let i = 1; i <= one.length; i++) {
    const next = [fits(one[i - 1]!, { others: two, done: 0 }) ? ways[0]! : 0];
    for (let j = 1; j <= two.length; j++) {
      const byOne = fits(one[i - 1]!, { others: two, done: j }) ? ways[j]! : 0;
      const byTwo = fits(two[j - 1]!, { others: one, done: i }) ? next[j - 1]! : 0;
      next[j] = byOne + byTwo;
    }
    ways = next;
  }
  return ways[two.length]!;
}
