import type { ReceiptKind } from "./receipts.ts";

/** Own messages whose fate is followed, per conversation; older ones are taken as settled. */
const FOLLOWED = 1000;

/** News of own messages: `reader` has now got or read them up to `seq`. */
export interface Mark {
  readonly conv: string;
  readonly reader: number;
  readonly kind: ReceiptKind;
  readonly seq: number;
}

/** Follows own messages from "sent" to "read". Receipts are cumulative and may come before the acknowledgement. */
export class Sent {
  readonly #own = new Map<string, number[]>();
  /** What readers have said, by conversation, then reader. */
  readonly #readers = new Map<string, Map<number, { delivered: number; read: number; told: Told }>>();

  /** An own message was stored as `seq`; returns what earlier receipts already say about it. */
  stored(conv: string, seq: number): Mark[] {
    const own = this.#own.get(conv) ?? [];
    this.#own.set(conv, own);
    own.push(seq);
    if (own.length > FOLLOWED) own.shift();
    const marks: Mark[] = [];
    for (const reader of this.#readers.get(conv)?.keys() ?? []) marks.push(...this.#news(conv, reader));
    return marks;
  }

  /** Another member's receipt; returns what it says about own messages that was not known before. */
  receipt(said: Mark): Mark[] {
    const readers = this.#readers.get(said.conv) ?? new Map();
    this.#readers.set(said.conv, readers);
    const reader = readers.get(said.reader) ?? { delivered: 0, read: 0, told: { delivered: 0, read: 0 } };
    readers.set(said.reader, reader);
    reader[said.kind] = Math.max(reader[said.kind], said.seq);
    return this.#news(said.conv, said.reader);
  }

  #news(conv: string, reader: number): Mark[] {
    const known = this.#readers.get(conv)?.get(reader);
    if (known === undefined) return [];
    const marks: Mark[] = [];
    for (const kind of ["read", "delivered"] as const) {
      const seq = this.#highest(conv, known[kind]);
      if (seq <= Math.max(known.told[kind], known.told.read)) continue;
      known.told[kind] = seq;
      marks.push({ conv, reader, kind, seq });
    }
    return marks;
  }

  /** The last own message of `conv` that is not after `seq`; 0 if there is none. */
  #highest(conv: string, seq: number): number {
    const own = this.#own.get(conv) ?? [];
    let highest = 0;
    for (let i = own.length - 1; i >= 0 && highest === 0; i--) if (own[i]! <= seq) highest = own[i]!;
    return highest;
  }
}

interface Told {
  delivered: number;
  read: number;
}
