import { AckFilter } from "./ack_filter.ts";
import { closeQuietly, isGone } from "./socket.ts";

const BUFFER = 65_536;

/** So many bytes at once are part of something larger. */
const BULK = 8192;

/** One connection through the proxy. */
export class ProxyLink {
  readonly #client: Deno.TcpConn;
  readonly #server: Deno.TcpConn;
  readonly #latency: number;
  readonly #acks = new AckFilter();
  readonly #closing = Promise.withResolvers<void>();
  #cut = false;
  #held: PromiseWithResolvers<void> | undefined;
  #bytesPerSecond = Infinity;

  /** @param parts `latency`: how much later the client gets what the server says, in ms. */
  constructor(parts: { client: Deno.TcpConn; server: Deno.TcpConn; latency: number }) {
    this.#client = parts.client;
    this.#server = parts.server;
    this.#latency = parts.latency;
    for (const conn of [this.#client, this.#server]) conn.setNoDelay(true);
  }

  /** Acknowledgements that {@linkcode loseAcks} has swallowed. */
  get acksLost(): number {
    return this.#acks.lost;
  }

  /** Forwards until both sides are done, or it is closed. */
  async run(): Promise<void> {
    await Promise.race([Promise.all([this.#up(), this.#down()]), this.#closing.promise]);
    this.close();
  }

  /** From now on nothing is forwarded, either way, and nobody is told: no FIN, no RST. For good. */
  cut(): void {
    this.#cut = true;
  }

  /** Whether MESSAGE_ACK frames are kept from the client. */
  loseAcks(lose: boolean): void {
    this.#acks.losing = lose;
  }

  /** Reads nothing from the server until {@linkcode release}. */
  hold(): void {
    this.#held ??= Promise.withResolvers<void>();
  }

  release(): void {
    this.#held?.resolve();
    this.#held = undefined;
    this.#bytesPerSecond = Infinity;
  }

  /** Passes on so much of what the server says until {@linkcode release}. */
  throttle(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond;
  }

  close(): void {
    this.#closing.resolve();
    this.release();
    closeQuietly(this.#client);
    closeQuietly(this.#server);
  }

  async #up(): Promise<void> {
    await this.#forward(this.#client, { to: this.#server, through: (bytes) => bytes });
  }

  async #down(): Promise<void> {
    await this.#forward(this.#server, {
      to: this.#client,
      through: (bytes) => this.#acks.filter(bytes),
      ready: async () => await this.#held?.promise,
      pace: async (count) => {
        // What comes in bulk is far away as well, but not one piece after the other.
        const far = count < BULK ? this.#latency : 0;
        const wait = far + count / this.#bytesPerSecond * 1000;
        if (wait >= 1) await this.#pause(wait);
      },
    });
  }

  async #forward(from: Deno.TcpConn, way: {
    to: Deno.TcpConn;
    through: (bytes: Uint8Array) => Uint8Array;
    ready?: () => Promise<void>;
    pace?: (count: number) => Promise<void>;
  }): Promise<void> {
    const buffer = new Uint8Array(BUFFER);
    try {
      while (true) {
        await way.ready?.();
        const count = await from.read(buffer);
        if (count !== null) await way.pace?.(count);
        if (this.#cut) return await this.#closing.promise;
        if (count === null) return await way.to.closeWrite();
        const bytes = way.through(buffer.subarray(0, count));
        for (let at = 0; at < bytes.length;) at += await way.to.write(bytes.subarray(at));
      }
    } catch (error) {
      if (!isGone(error)) throw error;
      // A cut connection keeps its other side, which is never told.
      if (this.#cut) return await this.#closing.promise;
      this.close();
    }
  }

  async #pause(ms: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const over = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
    await Promise.race([over, this.#closing.promise]);
    clearTimeout(timer);
  }
}
