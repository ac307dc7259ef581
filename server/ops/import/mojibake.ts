/** What became of a text: nothing to do, restored whole, restored with lost characters, or left as it was. */
export type Restoring = "plain" | "restored" | "lost" | "kept";

/** A byte that occurs nowhere in UTF-8, for a character that the database could not keep. */
const LOST = 0xff;
/** What is left of a character whose last byte was lost, with what stands in that one's place. */
const HALF = /\ufffd[\ufffd?]/g;
// deno-lint-ignore no-control-regex -- ASCII is exactly what this is about
const ASCII = /^[\x00-\x7f]*$/;
// deno-lint-ignore no-control-regex -- as above
const READABLE = /[^\x00-\x7f\ufffd]/;

/**
 * Restores texts that a program wrote as UTF-8 through a connection that said GBK. The database took each pair of bytes
 * for one Chinese character: 王芳 became 鐜嬭姵. Written as GBK again, the text is the UTF-8 that it had been.
 */
export class Mojibake {
  readonly #codes = new Map<string, number>();

  constructor() {
    // There is no encoder for GBK, so the decoder is asked about all pairs once.
    const decoder = new TextDecoder("gbk", { fatal: true });
    const pair = new Uint8Array(2);
    for (let lead = 0x81; lead <= 0xfe; lead++) {
      for (let trail = 0x40; trail <= 0xfe; trail++) {
        pair[0] = lead;
        pair[1] = trail;
        const character = decoded(decoder, pair);
        if (character !== undefined && !this.#codes.has(character)) {
          this.#codes.set(character, lead << 8 | trail);
        }
      }
    }
  }

  restore(text: string): { text: string; how: Restoring } {
    if (ASCII.test(text)) return { text, how: "plain" };
    const bytes = this.#encode(text);
    if (bytes === undefined) return { text, how: "kept" };
    const whole = decoded(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }), bytes);
    if (whole !== undefined) return { text: whole, how: "restored" };
    const rest = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes).replaceAll(HALF, "\ufffd");
    // Text that was stored rightly is no UTF-8 at all when it is written as GBK.
    return READABLE.test(rest) ? { text: rest, how: "lost" } : { text, how: "kept" };
  }

  /** The text as GBK; undefined if it has characters that GBK does not have. */
  #encode(text: string): Uint8Array<ArrayBuffer> | undefined {
    const bytes: number[] = [];
    for (const character of text) {
      const code = character === "\ufffd" ? LOST : this.#codes.get(character) ?? character.codePointAt(0)!;
      if (code > 0xff && !this.#codes.has(character)) return undefined;
      if (code > 0x7f && code <= 0xff && character !== "\ufffd") return undefined;
      if (code > 0xff) bytes.push(code >> 8);
      bytes.push(code & 0xff);
    }
    return Uint8Array.from(bytes);
  }
}

/** What the bytes say; undefined if they are not of this encoding. */
function decoded(decoder: TextDecoder, bytes: Uint8Array<ArrayBuffer>): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return undefined;
  }
}
