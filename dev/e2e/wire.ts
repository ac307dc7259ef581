import { assert } from "@std/assert";

/** A frame as it came in. */
// deno-lint-ignore no-explicit-any -- tests look into frames of every shape
export type Wired = Record<string, any> & { readonly msgid: number };

/** How long a test waits for what must come before it fails, in ms. */
const PATIENCE = 10_000;

/**
 * A bare connection to a server, as a test's client: writes bytes or objects, reads lines. It shares no code with
 * the product, so that both cannot be wrong in the same way.
 */
export class Wire implements AsyncDisposable {
  readonly #conn: Deno.TcpConn;
  readonly #reading: Promise<void>;
  #waiting: (() => void)[] = [];
  #paused: PromiseWithResolvers<void> | undefined;
  /** Frames that no `next` has taken yet. */
  readonly frames: Wired[] = [];
  /** The raw text of each frame, in order of arrival. */
  readonly raw: string[] = [];
  closed = false;

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    this.#reading = this.#read();
  }

  static async connect(port: number): Promise<Wire> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.setNoDelay(true);
    return new Wire(conn);
  }

  async send(...what: (object | string | Uint8Array)[]): Promise<void> {
    for (const item of what) {
      const bytes = item instanceof Uint8Array
        ? item
        : new TextEncoder().encode(typeof item === "string" ? item : JSON.stringify(item) + "\n");
      for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
    }
  }

  /** Sends and takes the next frame with one of these msgids. */
  async ask(what: object, ...msgids: number[]): Promise<Wired> {
    await this.send(what);
    return await this.next(...msgids);
  }

  /** Takes the first frame with one of these msgids (any, if none is named), waiting for it. */
  async next(...msgids: number[]): Promise<Wired> {
    return await this.find((frame) => msgids.length === 0 || msgids.includes(frame.msgid), `msgid ${msgids}`);
  }

  async find(wanted: (frame: Wired) => boolean, what = "the frame"): Promise<Wired> {
    const deadline = Date.now() + PATIENCE;
    while (true) {
      const at = this.frames.findIndex(wanted);
      if (at >= 0) return this.frames.splice(at, 1)[0]!;
      const seen = JSON.stringify(this.frames).slice(0, 500);
      assert(!this.closed, `connection closed while waiting for ${what}; unread: ${seen}`);
      assert(await this.#news(deadline), `no ${what} in time; unread: ${seen}`);
    }
  }

  /** Drops frames of these kinds that nobody has taken. */
  forget(...msgids: number[]): void {
    const kept = this.frames.filter(({ msgid }) => !msgids.includes(msgid));
    this.frames.splice(0, this.frames.length, ...kept);
  }

  /** Waits until the other side has closed. */
  async gone(): Promise<void> {
    const deadline = Date.now() + PATIENCE;
    while (!this.closed) assert(await this.#news(deadline), "the connection was not closed in time");
  }

  /** Stops reading until the returned function is called. */
  pause(): () => void {
    this.#paused ??= Promise.withResolvers<void>();
    return () => {
      this.#paused?.resolve();
      this.#paused = undefined;
    };
  }

  /** A round trip: when it resolves, everything that was sent before has been looked at. v2 only. */
  async settle(): Promise<void> {
    await this.ask({ msgid: 14 }, 15);
  }

  async finishWriting(): Promise<void> {
    await this.#conn.closeWrite();
  }

  close(): void {
    try {
      this.#conn.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    this.#paused?.resolve();
    await this.#reading;
  }

  async #news(deadline: number): Promise<boolean> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<boolean>((resolve) =>
      timer = setTimeout(() => resolve(false), Math.max(0, deadline - Date.now()))
    );
    const news = new Promise<boolean>((resolve) => this.#waiting.push(() => resolve(true)));
    try {
      return await Promise.race([news, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(65536);
    const decoder = new TextDecoder();
    let text = "";
    try {
      while (true) {
        if (this.#paused) await this.#paused.promise;
        const count = await this.#conn.read(buffer);
        if (count === null) break;
        text += decoder.decode(buffer.subarray(0, count), { stream: true });
        for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
          const line = text.slice(0, end);
          text = text.slice(end + 1);
          this.raw.push(line);
          this.frames.push(JSON.parse(line));
        }
        this.#wake();
      }
    } catch (error) {
      const gone = [Deno.errors.BadResource, Deno.errors.ConnectionReset, Deno.errors.Interrupted];
      if (!gone.some((kind) => error instanceof kind)) throw error;
    } finally {
      this.closed = true;
      this.#wake();
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
