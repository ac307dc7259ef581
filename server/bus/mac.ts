import { Buffer } from "node:buffer";
import { createHash, type Hash, timingSafeEqual } from "node:crypto";

/** SHA-256 works on blocks of so many bytes. */
const BLOCK = 64;
/** So many bytes of a code are kept, and so many characters that makes. */
const BYTES = 16;
export const MAC_LENGTH = 22;

/**
 * Message authentication codes: HMAC-SHA-256 (RFC 2104), the first 128 bits, in base64url. Hashing of the key is done
 * once: `createHmac` takes 13 µs a message on Deno, this 5.
 */
export class Mac {
  readonly #inner: Hash;
  readonly #outer: Hash;

  constructor(secret: string) {
    const key = Buffer.alloc(BLOCK);
    const bytes = Buffer.from(secret);
    (bytes.length > BLOCK ? createHash("sha256").update(bytes).digest() : bytes).copy(key);
    this.#inner = createHash("sha256").update(key.map((byte) => byte ^ 0x36));
    this.#outer = createHash("sha256").update(key.map((byte) => byte ^ 0x5c));
  }

  of(text: string): string {
    return this.#code(text).toString("base64url");
  }

  /** Whether the code belongs to the text; takes as long whatever is wrong. */
  verifies(code: string, text: string): boolean {
    const given = Buffer.from(code, "base64url");
    return given.length === BYTES && timingSafeEqual(given, this.#code(text));
  }

  #code(text: string): Buffer {
    const inner = this.#inner.copy().update(text).digest();
    return this.#outer.copy().update(inner).digest().subarray(0, BYTES);
  }
}
