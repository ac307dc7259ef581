import { type Event, lineOf } from "./history.ts";

/** What a chat server may not do. */
export const BREACHES = {
  "lost": "an acknowledged message is not in the log",
  "stored twice": "a message has two numbers",
  "order": "a sender's messages are not in the order in which they were sent",
  "moved": "two messages were seen under one number of one log",
  "disappeared": "a message that a client has seen is not there at the end",
  "gap": "a client ends without a number that it should hold",
  "ends differ": "clients end with different logs, or different last numbers",
  "shown twice": "a client was made to show one number twice",
  "shown late": "a client was made to show a number after a higher one",
  "refused": "a message is there although every attempt was refused for good",
  "from nowhere": "a message that nobody sent",
  "altered": "a message in another conversation, or with another text, than was sent",
  "not theirs": "somebody sees what is said in a conversation that they are not in",
  "receipt": "a receipt goes beyond what its user was shown",
  "served on": "a session is served after another one of the same user and device has replaced it",
  "ghost": "a user without a session is shown as online for longer than 10 s",
  "store": "the store says otherwise than clients have seen",
} as const;

export type Breach = keyof typeof BREACHES;

export interface Violation {
  readonly breach: Breach;
  /** What happened, to whom, and where. */
  readonly why: string;
  readonly conv?: string | undefined;
  readonly seq?: number | undefined;
  readonly mid?: string | undefined;
  /** When what it is about was under way. */
  readonly t: number;
  /** The events that show it, in the order of the history. */
  readonly excerpt: readonly Event[];
}

/** A violation as whoever finds it says it: of an event that is not known there is none in the excerpt. */
export type Found = Omit<Violation, "excerpt"> & { readonly excerpt: readonly (Event | undefined)[] };

/** Violations that are kept; of more only the number is known. */
const MAX_KEPT = 1000;

/** Collects violations; of each breach it knows the number and the one with the shortest excerpt. */
export class Findings {
  readonly kept: Violation[] = [];
  readonly counts = new Map<Breach, number>();
  readonly shortest = new Map<Breach, Violation>();
  readonly #onViolation: (violation: Violation) => void;

  constructor(onViolation: (violation: Violation) => void = () => {}) {
    this.#onViolation = onViolation;
  }

  add(found: Found): void {
    const { breach } = found;
    const excerpt = [...new Set(found.excerpt)].filter((event) => event !== undefined)
      .sort((a, b) => a.t - b.t);
    const violation = { ...found, excerpt };
    this.counts.set(breach, (this.counts.get(breach) ?? 0) + 1);
    const shortest = this.shortest.get(breach);
    if (!shortest || excerpt.length < shortest.excerpt.length) this.shortest.set(breach, violation);
    if (this.kept.length < MAX_KEPT) this.kept.push(violation);
    this.#onViolation(violation);
  }

  /** For each breach how often, what it means, and the shortest excerpt; empty if there is no violation. */
  tell(): string {
    return [...this.shortest].map(([breach, { why, excerpt }]) =>
      [
        `${breach} (${this.counts.get(breach)}): ${BREACHES[breach]}`,
        `  ${why}`,
        ...excerpt.map((event) => `    ${lineOf(event)}`),
      ].join("\n")
    ).join("\n");
  }
}
