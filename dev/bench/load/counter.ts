import { Asker } from "./asker.ts";

const utf8 = new TextEncoder();
const READ_BUFFER = 32 * 1024;
const LINE_END = 0x0a;
const MARK = 0x23;
/** Where the digits of the msgid begin, which every server here writes first: `{"msgid":12`. */
const MSGID_AT = 9;
const SEQ = utf8.encode('"seq":');
const QUOTE = SEQ[0]!;
const PONG = `{"msgid":15}\n`;

/** A client that tells frames apart by their msgid and does not parse them: it shall cost less than the server. */
export class Counter {
  readonly #conn: Deno.TcpConn;
  /** Called with each frame; its bytes are good until it returns. */
  onFrame: (msgid: number, frame: Uint8Array) => void = () => {};
  /** Called with an ERROR. One that is not expected ends the load, and with it the measurement. */
  onRefusal: (frame: Uint8Array) => void = refused;
  /** Called when all frames of what one read brought have been passed on. */
  onRead: () => void = () => {};

  private constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  /** Connects, logs in, and confirms what an earlier run has left, so that it does not come again in this one. */
  static async logIn(port: number, user: number): Promise<Counter> {
    const asker = await Asker.connect(port);
    const { conversations } = await asker.logIn(user);
    // A bare relay says no more than that it heard.
    if (isList(conversations)) {
      const waiting = conversations.filter(({ seq, delivered }) => seq > delivered);
      await asker.send(
        ...waiting.map(({ conv, seq }) => ({ msgid: 13, conv, seq, kind: "delivered" })),
        { msgid: 14 },
      );
      await asker.next(15);
    }
    const counter = new Counter(asker.release());
    // One that is cut off ends the load as well.
    counter.#read();
    return counter;
  }

  send(frames: string): void {
    const bytes = utf8.encode(frames);
    this.#conn.write(bytes).then((count) => {
      if (count < bytes.length) throw new Error("the server takes no more");
    });
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(READ_BUFFER);
    let filled = 0;
    while (true) {
      const count = await this.#conn.read(buffer.subarray(filled));
      if (count === null) throw new Error("the server closed the connection, or a frame is too long");
      filled += count;
      const seen = buffer.subarray(0, filled);
      let start = 0;
      for (let end = seen.indexOf(LINE_END); end >= 0; end = seen.indexOf(LINE_END, start)) {
        this.#take(seen.subarray(start, end));
        start = end + 1;
      }
      buffer.copyWithin(0, start, filled);
      filled -= start;
      this.onRead();
    }
  }

  #take(frame: Uint8Array): void {
    const msgid = digitsAt(frame, MSGID_AT);
    if (msgid === 14) this.send(PONG);
    else if (msgid === 16) this.onRefusal(frame);
    else if (msgid === 22) refused(frame);
    else this.onFrame(msgid, frame);
  }
}

function refused(frame: Uint8Array): never {
  throw new Error(`the server refused: ${new TextDecoder().decode(frame)}`);
}

/** The number behind the `#` in a message's text. No other part of its frame has that character. */
export function numberIn(frame: Uint8Array): number {
  return digitsAt(frame, frame.indexOf(MARK) + 1);
}

/** The number of a message in its conversation. */
export function seqIn(frame: Uint8Array): number {
  for (let at = frame.indexOf(QUOTE); at >= 0; at = frame.indexOf(QUOTE, at + 1)) {
    if (SEQ.every((byte, i) => frame[at + i] === byte)) return digitsAt(frame, at + SEQ.length);
  }
  throw new Error(`no seq: ${new TextDecoder().decode(frame)}`);
}

function digitsAt(frame: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at; i < frame.length; i++) {
    const digit = frame[i]! - 0x30;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  return value;
}

function isList(value: unknown): value is { conv: string; seq: number; delivered: number }[] {
  return Array.isArray(value);
}
