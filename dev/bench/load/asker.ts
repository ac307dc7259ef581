import { tokenOf } from "../population.ts";

const utf8 = new TextEncoder();
const READ_BUFFER = 4096;

/** A frame as it came in. */
export type Answer = Readonly<Record<string, unknown>> & { readonly msgid: number };

/** A client that asks and waits for the answer, and takes its time to look into it. */
export class Asker {
  readonly #conn: Deno.TcpConn;
  readonly #buffer: number;
  readonly #decoder = new TextDecoder();
  #text = "";

  private constructor(conn: Deno.TcpConn, buffer: number) {
    this.#conn = conn;
    this.#buffer = buffer;
  }

  /** @param options `buffer`: of how many bytes one read is at most. */
  static async connect(
    port: number,
    { hostname = loopback(0), buffer = READ_BUFFER }: { hostname?: string; buffer?: number } = {},
  ): Promise<Asker> {
    const conn = await Deno.connect({ hostname, port });
    conn.setNoDelay(true);
    return new Asker(conn, buffer);
  }

  async send(...frames: object[]): Promise<void> {
    const bytes = utf8.encode(frames.map((frame) => JSON.stringify(frame) + "\n").join(""));
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }

  /** Sends and takes the next frame of a kind; others are dropped. */
  async ask(frame: object, msgid: number): Promise<Answer> {
    await this.send(frame);
    return await this.next(msgid);
  }

  /** @throws if the server refuses something or closes the connection. */
  async next(msgid: number): Promise<Answer> {
    let buffer: Uint8Array | undefined;
    while (true) {
      for (let end = this.#text.indexOf("\n"); end >= 0; end = this.#text.indexOf("\n")) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        const frame: Answer = JSON.parse(line);
        if (frame.msgid === 16 || (typeof frame.errno === "number" && frame.errno !== 0)) {
          throw new Error(`the server refused: ${line}`);
        }
        if (frame.msgid === msgid) return frame;
      }
      buffer ??= new Uint8Array(this.#buffer);
      const count = await this.#conn.read(buffer);
      if (count === null) throw new Error("the server closed the connection");
      this.#text += this.#decoder.decode(buffer.subarray(0, count), { stream: true });
    }
  }

  /** Logs a user in by token, also if an earlier session has not ended yet. */
  logIn(user: number): Promise<Answer> {
    return this.ask(loginFrame(user), 2);
  }

  close(): void {
    this.#conn.close();
  }

  /** Leaves the connection to somebody else. */
  release(): Deno.TcpConn {
    return this.#conn;
  }
}

/**
 * One of the machine's own addresses. Ten thousand connections to one of them leave so few free ports that Linux
 * searches longer for one than the server takes to log somebody in.
 */
export function loopback(i: number): string {
  return `127.0.0.${1 + i % 8}`;
}

export function loginFrame(user: number): object {
  return { msgid: 1, v: 2, id: user, token: tokenOf(user), takeover: true };
}
