import { type Counter, seqIn } from "./counter.ts";

/** How long receipts wait for later ones, ms, as in the client. */
const GATHER_MS = 50;

/**
 * Confirms what a client gets in one conversation as the terminal client does: the newest number only, at most every
 * 50 ms. Somebody who looks at the conversation says "read", which includes "delivered".
 */
export class Confirmer {
  readonly #client: Counter;
  readonly #frames: (seq: number) => string;
  #seq = 0;
  #waiting = false;

  constructor(client: Counter, { conv, kind }: { conv: string; kind: "delivered" | "read" }) {
    this.#client = client;
    this.#frames = (seq) => `{"msgid":13,"conv":"${conv}","seq":${seq},"kind":"${kind}"}\n`;
  }

  /** The client was pushed this message. */
  note(frame: Uint8Array): void {
    this.#seq = seqIn(frame);
    if (this.#waiting) return;
    this.#waiting = true;
    setTimeout(() => {
      this.#waiting = false;
      this.#client.send(this.#frames(this.#seq));
    }, GATHER_MS);
  }
}

/** The confirmer of somebody in the pair number `index`: in every other pair both have the conversation open. */
export function confirmerOf(
  client: Counter,
  { pair, index }: { pair: readonly [number, number]; index: number },
) {
  const [low, high] = [Math.min(...pair), Math.max(...pair)];
  return new Confirmer(client, { conv: `u${low}-${high}`, kind: index % 2 === 0 ? "read" : "delivered" });
}
