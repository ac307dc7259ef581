import { Msg } from "../server/protocol/msgid.ts";
import type { Clock } from "./clock.ts";

export type ReceiptKind = "delivered" | "read";

interface Marks {
  delivered: number;
  read: number;
}

/** So long receipts gather, in ms. */
const GATHER = 50;

/**
 * Tells the server what has arrived and what has been shown. Receipts are cumulative, so what gathers within
 * {@linkcode GATHER} goes out as at most one of each kind per conversation; "read" says "delivered" too.
 */
export class Receipts {
  readonly #send: (frame: Record<string, unknown>) => boolean;
  readonly #clock: Clock;
  readonly #due = new Map<string, Marks>();
  readonly #sent = new Map<string, Marks>();
  #planned = false;

  /** @param send Takes a frame, or says false while nobody is logged in; it is then offered again by {@linkcode Receipts.restart}. */
  constructor(send: (frame: Record<string, unknown>) => boolean, clock: Clock) {
    this.#send = send;
    this.#clock = clock;
  }

  /** Notes that everything of `conv` up to `seq` was delivered or read. */
  note(conv: string, mark: { seq: number; kind: ReceiptKind }): void {
    const due = this.#due.get(conv) ?? { delivered: 0, read: 0 };
    due[mark.kind] = Math.max(due[mark.kind], mark.seq);
    this.#due.set(conv, due);
    this.#plan();
  }

  /** After a new login: the server may have lost what it was told last. */
  restart(): void {
    this.#sent.clear();
    if (this.#due.size > 0) this.#plan();
  }

  /** The numbers of the conversations mean other entries now: what was noted is void. */
  forget(): void {
    this.#due.clear();
    this.#sent.clear();
  }

  /** Sends what is due now. */
  flush(): void {
    for (const [conv, due] of this.#due) {
      const sent = this.#sent.get(conv) ?? { delivered: 0, read: 0 };
      if (due.delivered > Math.max(sent.delivered, sent.read, due.read)) {
        if (!this.#send({ msgid: Msg.RECEIPT, conv, seq: due.delivered, kind: "delivered" })) return;
        sent.delivered = due.delivered;
      }
      if (due.read > sent.read) {
        if (!this.#send({ msgid: Msg.RECEIPT, conv, seq: due.read, kind: "read" })) return;
        sent.read = due.read;
      }
      this.#sent.set(conv, sent);
      this.#due.delete(conv);
    }
  }

  #plan(): void {
    if (this.#planned) return;
    this.#planned = true;
    this.#clock.after(GATHER, () => {
      this.#planned = false;
      this.flush();
    });
  }
}
