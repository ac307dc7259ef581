import type { Buffer } from "node:buffer";
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { Errno, Refusal } from "../errors.ts";

const R = 8;
const P = 1;
const KEY_BYTES = 32;
/** Passwords that may wait for their turn; at 100 ms each, more would wait longer than anybody does. */
const MAX_WAITING = 500;

/** What {@linkcode Passwords} does. */
export type PasswordHashing = Pick<Passwords, "hash" | "verify" | "isOutdated">;

/**
 * Password hashing by scrypt (RFC 7914), off the main thread, a few at a time: each takes 128·N·r bytes of memory.
 * A hash says its own cost and salt: `scrypt$<log2 N>$<r>$<p>$<salt>$<key>`, the last two in base64url.
 */
export class Passwords {
  readonly #cost: number;
  readonly #atOnce: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** @param cost log2 of scrypt's N. */
  constructor(options: { cost: number; atOnce: number }) {
    this.#cost = options.cost;
    this.#atOnce = options.atOnce;
  }

  async hash(password: string): Promise<string> {
    const salt = randomBytes(16);
    const key = await this.#derive(password, { salt, cost: this.#cost, r: R, p: P });
    return `scrypt$${this.#cost}$${R}$${P}$${salt.toString("base64url")}$${key.toString("base64url")}`;
  }

  /** Whether the password is the one that was hashed. Without a hash it takes as long as with one, and says no. */
  async verify(password: string, stored: string | undefined): Promise<boolean> {
    const hash = parse(stored);
    if (!hash) {
      await this.#derive(password, { salt: randomBytes(16), cost: this.#cost, r: R, p: P });
      return false;
    }
    const key = await this.#derive(password, hash);
    return key.length === hash.key.length && timingSafeEqual(key, hash.key);
  }

  /** Whether a hash was made with another cost than is wanted now. */
  isOutdated(stored: string): boolean {
    return parse(stored)?.cost !== this.#cost;
  }

  async #derive(password: string, hash: { salt: Uint8Array; cost: number; r: number; p: number }) {
    await this.#turn();
    try {
      const { salt, cost, r, p } = hash;
      const N = 2 ** cost;
      return await new Promise<Buffer>((resolve, reject) =>
        scrypt(
          password.normalize("NFC"),
          salt,
          KEY_BYTES,
          { N, r, p, maxmem: 256 * N * r },
          (error, key) => error ? reject(error) : resolve(key),
        )
      );
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }

  async #turn(): Promise<void> {
    if (this.#running < this.#atOnce) {
      this.#running++;
      return;
    }
    if (this.#waiting.length >= MAX_WAITING) {
      throw new Refusal(Errno.TOO_MANY, "too many people are logging in at once, try again", {
        retryMs: 5000,
      });
    }
    // Whoever ends hands its place over, so the count stays as it is.
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

function parse(stored: string | undefined) {
  const [scheme, cost, r, p, salt, key] = stored?.split("$") ?? [];
  if (scheme !== "scrypt" || salt === undefined || key === undefined) return undefined;
  return {
    cost: Number(cost),
    r: Number(r),
    p: Number(p),
    salt: Uint8Array.fromBase64(salt, { alphabet: "base64url" }),
    key: Uint8Array.fromBase64(key, { alphabet: "base64url" }),
  };
}
