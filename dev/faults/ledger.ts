import type { Score } from "./score.ts";

/** A message that somebody wrote. */
export interface Written {
  readonly mid: string;
  readonly conv: string;
  readonly sender: number;
  /** The how manieth of its sender: what comes later in a conversation has a higher one. */
  readonly n: number;
  readonly at: number;
  /** Its number in the conversation, once acknowledged, and the log in which it has that number. */
  seq?: number;
  log?: string;
}

/** A message as a client was pushed it. */
export interface Pushed {
  readonly conv: string;
  readonly seq: number;
  readonly mid: string;
  readonly sender: number;
  readonly text: string;
}

/** What one reader was shown in one conversation of one log. */
interface Screen {
  last: number;
  readonly senders: Map<number, { last: number; readonly recent: Set<number> }>;
}

/** Of each sender so many messages are remembered, to tell one shown twice from one shown late. */
const RECENT = 500;

/** A probe of an old session, see `ghosts.ts`; nobody may ever see it. */
export const GHOST = "ghost-";

/** Who wrote what, what was acknowledged, and who was shown what in which order. */
export class Ledger {
  readonly #score: Score;
  readonly #now: () => number;
  readonly #written = new Map<string, Written>();
  readonly #screens = new Map<string, Screen>();
  readonly #waiting = new Map<string, { readonly missing: Set<number>; readonly done: () => void }>();

  constructor(score: Score, now: () => number) {
    this.#score = score;
    this.#now = now;
  }

  /** Everything that was written, oldest first. */
  all(): Iterable<Written> {
    return this.#written.values();
  }

  get(mid: string): Written | undefined {
    return this.#written.get(mid);
  }

  /** Notes a new message; gives the text that it has to have. */
  write(message: { sender: number; n: number; conv: string }, size: number): { mid: string; text: string } {
    const mid = `${message.sender}-${message.n}`;
    this.#written.set(mid, { ...message, mid, at: this.#now() });
    return { mid, text: textOf(mid, size) };
  }

  /**
   * A sender was told that its message is committed; false if it never wrote such a message.
   * @param sender When its program last began to run, and the name of the log that it knows.
   */
  acknowledge(
    ack: { mid: string; conv: string; seq: number },
    { awakeSince, log }: { awakeSince: number; log: string },
  ): boolean {
    const message = this.#written.get(ack.mid);
    if (!message || message.conv !== ack.conv) {
      this.#score.violate({ ...ack, flaw: "damaged", where: "acknowledged, but never written there" });
      return false;
    }
    if (message.seq === undefined) this.#score.acknowledged(this.#now() - Math.max(message.at, awakeSince));
    // In another log it may have another number.
    if (message.seq === undefined || message.log !== log) {
      message.seq = ack.seq;
      message.log = log;
    } else if (message.seq !== ack.seq) {
      const where = `acknowledged to its sender as number ${message.seq} and again as another one`;
      this.#score.violate({ ...ack, flaw: "shown twice", where });
    }
    return true;
  }

  /** A message was refused for good. */
  refuse(mid: string, why: string): void {
    const conv = this.#written.get(mid)?.conv ?? "";
    this.#score.violate({ flaw: "refused", conv, seq: undefined, mid, where: why });
  }

  /**
   * A client shows a message.
   * @param reader Its user, when that one last began to read, and the log it is of: each log is a history of its own.
   */
  show(
    { id: reader, awakeSince, log }: { id: number; awakeSince: number; log: string },
    pushed: Pushed,
  ): void {
    const { mid, conv, seq } = pushed;
    const message = this.#written.get(mid);
    const says = (flaw: "shown twice" | "out of order" | "damaged" | "served on", where: string) =>
      this.#score.violate({ flaw, conv, seq, mid, where: `user ${reader}: ${where}` });
    if (!message) {
      return mid.startsWith(GHOST)
        ? says("served on", "shown a message of a session that had been replaced")
        : says("damaged", "shown a message that nobody wrote");
    }
    const { sender, n } = message;
    if (sender !== pushed.sender || message.conv !== conv || !pushed.text.startsWith(textOf(mid, 0))) {
      says("damaged", `shown another message than ${sender} wrote in ${message.conv}`);
    }
    this.#score.waited(this.#now() - Math.max(message.at, awakeSince));
    const screen = this.#screen(`${reader} ${conv} ${log}`);
    if (seq < screen.last) says("out of order", `shown after number ${screen.last}`);
    screen.last = Math.max(seq, screen.last);
    const before = screen.senders.get(sender) ?? { last: 0, recent: new Set() };
    screen.senders.set(sender, before);
    if (before.recent.has(n)) says("shown twice", "shown before, under another number");
    else if (n < before.last && seq >= screen.last) {
      says("out of order", `shown after message ${before.last} of ${sender}, who wrote it later`);
    }
    remember(before, n);
    this.#found(mid, reader);
  }

  /** Resolves when each of these readers has been shown the message. */
  whenShown(mid: string, readers: readonly number[]): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(mid, { missing: new Set(readers), done: resolve }));
  }

  #found(mid: string, reader: number): void {
    const waiting = this.#waiting.get(mid);
    waiting?.missing.delete(reader);
    if (waiting?.missing.size !== 0) return;
    this.#waiting.delete(mid);
    waiting.done();
  }

  #screen(key: string): Screen {
    const screen = this.#screens.get(key) ?? { last: 0, senders: new Map() };
    this.#screens.set(key, screen);
    return screen;
  }
}

function remember(shown: { last: number; readonly recent: Set<number> }, n: number): void {
  shown.last = Math.max(n, shown.last);
  shown.recent.add(n);
  if (shown.recent.size > RECENT) shown.recent.delete(shown.recent.values().next().value!);
}

/** What a message says: its mid, and as much beside it as its size asks for. */
function textOf(mid: string, size: number): string {
  return `${mid} `.padEnd(size, "é漢-");
}
