import { Disconnect, Errno } from "../errors.ts";

const OPEN = 0x7b; // {
const CLOSE = 0x7d; // }
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Keeps nothing from one call to the next. */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const EMPTY = new Uint8Array(0);

/** Bytes that may stand between two frames: NUL, tab, LF, CR, space. */
const isGap = (byte: number) =>
  byte === 0x0a || byte === 0x00 || byte === 0x0d || byte === 0x20 || byte === 0x09;

/**
 * Finds the JSON objects in a byte stream, however TCP glued or split them and whatever the client put between
 * them (`\n`, `\r`, NUL, space, tab or nothing). It does no I/O, looks at each byte once, and copies only the
 * tail of a chunk that ends inside a frame.
 *
 * A frame is what lies between balanced braces outside strings, so it need not be valid JSON: that is for whoever
 * parses it. What cannot be followed throws a {@linkcode Disconnect} with errno 100: a byte that cannot begin a
 * frame, a frame longer than `maxFrame` bytes, or invalid UTF-8. After that the decoder must not be used again.
 */
export class FrameDecoder {
  readonly #maxFrame: number;
  /** What of the current frame came in earlier chunks: the first `#held` bytes. */
  #buffer: Uint8Array<ArrayBuffer> = EMPTY;
  #held = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** @param maxFrame The longest frame that is taken, in bytes. */
  constructor(maxFrame: number) {
    this.#maxFrame = maxFrame;
  }

  /** Bytes held of a frame whose end has not come yet. */
  get pending(): number {
    return this.#held;
  }

  /**
   * The text of each frame that ends in `chunk`, in order. Frames before a fault are yielded before it throws.
   * `chunk` may be reused once the iteration has ended.
   */
  *frames(chunk: Uint8Array): Generator<string, void, undefined> {
    let start = 0;
    let at = 0;
    const end = chunk.length;
    while (at < end) {
      if (this.#depth === 0) {
        const byte = chunk[at]!;
        if (isGap(byte)) {
          at++;
          continue;
        }
        if (byte !== OPEN) {
          throw new Disconnect(Errno.BAD_FRAME, "not a frame: expected '{', a JSON object");
        }
        start = at;
      }
      at = this.#scan(chunk, at);
      const length = this.#held + at - start;
      if (length > this.#maxFrame) {
        throw new Disconnect(Errno.BAD_FRAME, `frame longer than ${this.#maxFrame} bytes`);
      }
      if (this.#depth === 0) {
        const text = this.#text(chunk.subarray(start, at));
        start = at;
        yield text;
      }
    }
    if (this.#depth > 0) this.#hold(chunk.subarray(start, end));
  }

  /** Goes on from `at` to just after the brace that closes the frame, or to the end of the chunk. */
  #scan(chunk: Uint8Array, at: number): number {
    let depth = this.#depth;
    let inString = this.#inString;
    let escaped = this.#escaped;
    const end = chunk.length;
    for (; at < end; at++) {
      const byte = chunk[at]!;
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === BACKSLASH) escaped = true;
        else if (byte === QUOTE) inString = false;
      } else if (byte === QUOTE) {
        inString = true;
      } else if (byte === OPEN) {
        depth++;
      } else if (byte === CLOSE && --depth === 0) {
        at++;
        break;
      }
    }
    this.#depth = depth;
    this.#inString = inString;
    this.#escaped = escaped;
    return at;
  }

  #text(tail: Uint8Array): string {
    let bytes = tail;
    if (this.#held > 0) {
      this.#hold(tail);
      bytes = this.#buffer.subarray(0, this.#held);
      this.#held = 0;
    }
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      if (!(cause instanceof TypeError)) throw cause;
      throw new Disconnect(Errno.BAD_FRAME, "not UTF-8");
    } finally {
      // A connection that once sent a large frame must not hold its buffer for good.
      if (this.#buffer.length > 4096) this.#buffer = EMPTY;
    }
  }

  /** Appends to the buffer, which doubles when it is full, so that a frame costs O(its length). */
  #hold(tail: Uint8Array): void {
    const needed = this.#held + tail.length;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#buffer.length, 64));
      grown.set(this.#buffer.subarray(0, this.#held));
      this.#buffer = grown;
    }
    this.#buffer.set(tail, this.#held);
    this.#held = needed;
  }
}
