/** Characters in the order in which databases sort them. */
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
/** Enough for Unix milliseconds until the year 4000. */
const TIME_LENGTH = 8;
const COUNT_LENGTH = 4;
const RANDOM_LENGTH = 16;

/**
 * Ids of this client's messages. They sort by time, so that the key under which the server finds them grows at its end,
 * and two clients of one account do not make the same.
 */
export class Mids {
  readonly #now: () => number;
  readonly #client: string;
  #time = 0;
  #count = 0;

  /** @param options `now`: Unix milliseconds; it may step back. `random`: as Math.random. */
  constructor({ now, random }: { now: () => number; random: () => number }) {
    this.#now = now;
    this.#client = Array.from(
      { length: RANDOM_LENGTH },
      () => DIGITS[Math.floor(random() * DIGITS.length)],
    ).join("");
  }

  /** 28 characters of 0-9, A-Z, a-z and _. */
  next(): string {
    const now = this.#now();
    this.#count = now > this.#time ? 0 : this.#count + 1;
    this.#time = Math.max(now, this.#time);
    return written(this.#time, TIME_LENGTH) + written(this.#count, COUNT_LENGTH) + this.#client;
  }
}

function written(value: number, length: number): string {
  let text = "";
  for (let rest = value; text.length < length; rest = Math.floor(rest / DIGITS.length)) {
    text = DIGITS[rest % DIGITS.length] + text;
  }
  return text;
}
