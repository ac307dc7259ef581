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
  "recalled": "a session that began after a recall is shown the text",
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
  readonly #mayGoBack: boolean;
  readonly #doubts: { readonly found: Found; readonly log: string; readonly at: number }[] = [];

  /** @param options `mayGoBack`: whether a log may turn out to be another one. */
  constructor(
    { onViolation = () => {}, mayGoBack = true }: {
      onViolation?: ((violation: Violation) => void) | undefined;
      mayGoBack?: boolean;
    } = {},
  ) {
    this.#onViolation = onViolation;
    this.#mayGoBack = mayGoBack;
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

  /**
   * What contradicts what was so before in this log. Nobody knows yet whether it was soon found out that the log is
   * another one by now: a database that comes back older is noticed after a moment, and what happens until then is void.
   * @param where In which log, and when it happened, in ms: usually when it was seen.
   */
  doubt(found: Found, where: { log: string; at?: number }): void {
    const seen = () => Math.max(...found.excerpt.map((event) => event?.t ?? 0));
    if (this.#mayGoBack) this.#doubts.push({ found, log: where.log, at: where.at ?? seen() });
    else this.add(found);
  }

  /** @param voidSince Since when what was said in a log is void, in ms. */
  settle(voidSince: (log: string) => number): void {
    for (const { found, log, at } of this.#doubts.splice(0)) if (at < voidSince(log)) this.add(found);
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
