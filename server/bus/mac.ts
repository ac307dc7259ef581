import { hash } from "node:crypto";

/** SHA-256 works on blocks of so many bytes, and gives so many. */
const BLOCK = 64;
const DIGEST = 32;
/** What the key is mixed with for the inner and the outer hash of an HMAC. */
const INNER = 0x36;
const OUTER = 0x5c;
/** Hexadecimal digits that are kept: 128 bits. */
export const MAC_LENGTH = 32;

const utf8 = new TextEncoder();

/**
 * Message authentication codes: HMAC-SHA-256 (RFC 2104), the first 128 bits, in hexadecimal digits. Two hashes of one
 * call each: 2.5 µs for a message of 250 characters on Deno, where hash objects take 5 and `createHmac` 13.
 */
export class Mac {
  /** The key for the inner hash, then room for texts. */
  #inner: Uint8Array<ArrayBuffer>;
  /** The key for the outer hash, then the inner hash. */
  readonly #outer = new Uint8Array(BLOCK + DIGEST);
  readonly #digest = this.#outer.subarray(BLOCK);

  constructor(secret: string) {
    const bytes = utf8.encode(secret);
    const key = new Uint8Array(BLOCK);
    if (bytes.length > BLOCK) key.setFromHex(hash("sha256", bytes, "hex"));
    else key.set(bytes);
    this.#inner = new Uint8Array(BLOCK + 4096);
    this.#inner.set(key.map((byte) => byte ^ INNER));
    this.#outer.set(key.map((byte) => byte ^ OUTER));
  }

  of(text: string): string {
    this.#makeRoom(BLOCK + 3 * text.length);
    const { written } = utf8.encodeInto(text, this.#inner.subarray(BLOCK));
    this.#digest.setFromHex(hash("sha256", this.#inner.subarray(0, BLOCK + written), "hex"));
    return hash("sha256", this.#outer, "hex").slice(0, MAC_LENGTH);
  }

  /** Whether the code belongs to the text; takes as long whatever is wrong. */
  verifies(code: string, text: string): boolean {
    if (code.length !== MAC_LENGTH) return false;
    const right = this.of(text);
    let difference = 0;
    for (let i = 0; i < MAC_LENGTH; i++) difference |= code.charCodeAt(i) ^ right.charCodeAt(i);
    return difference === 0;
  }

  #makeRoom(bytes: number): void {
    if (bytes <= this.#inner.length) return;
    const larger = new Uint8Array(bytes);
    larger.set(this.#inner.subarray(0, BLOCK));
    this.#inner = larger;
  }
}
