const READ_BUFFER = 16_384;

/** What the system says when the other side is gone, or this one has closed. */
export function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted ||
    error instanceof Deno.errors.ConnectionAborted || error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.TimedOut;
}

/** Closes a connection that may be closed already. */
export function closeQuietly(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** A connection of lines, as a client has it. */
export class LineSocket {
  readonly #conn: Deno.TcpConn;
  readonly #onLine: (socket: LineSocket, line: string) => void;
  readonly #utf8 = new TextEncoder();
  #writing: Promise<void> = Promise.resolve();
  /** Resolves when the connection has ended, from whichever side. */
  readonly closed: Promise<void>;

  private constructor(conn: Deno.TcpConn, onLine: (socket: LineSocket, line: string) => void) {
    this.#conn = conn;
    this.#onLine = onLine;
    this.closed = this.#read();
  }

  /** @param onLine Called with each line that comes in. */
  static async dial(port: number, onLine: (socket: LineSocket, line: string) => void): Promise<LineSocket> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.setNoDelay(true);
    return new LineSocket(conn, onLine);
  }

  /** This side's port, by which a proxy knows the connection. */
  get port(): number {
    return this.#conn.localAddr.port;
  }

  /** Queues a frame. Whether it arrives is seen by an answer, or by none. */
  send(frame: string | object): void {
    const text = typeof frame === "string" ? frame : JSON.stringify(frame);
    this.#writing = this.#writing.then(() => this.#write(this.#utf8.encode(text + "\n")));
  }

  close(): void {
    closeQuietly(this.#conn);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(READ_BUFFER);
    const decoder = new TextDecoder();
    let rest = "";
    try {
      for (let count; (count = await this.#conn.read(buffer)) !== null;) {
        const lines = (rest + decoder.decode(buffer.subarray(0, count), { stream: true })).split("\n");
        rest = lines.pop()!;
        for (const line of lines) this.#onLine(this, line);
      }
    } catch (error) {
      if (!isGone(error)) throw error;
    } finally {
      this.close();
    }
  }
}
