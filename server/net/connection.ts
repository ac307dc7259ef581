import { Disconnect } from "../errors.ts";
import { FrameDecoder } from "../protocol/decoder.ts";
import { encodeReply, type Push } from "../protocol/encode.ts";
import type { Generation } from "../protocol/message_frame.ts";
import type { Reply } from "../protocol/messages.ts";
import { Msg } from "../protocol/msgid.ts";
import type { Goodbye, Peer } from "../services/peer.ts";
import type { Session } from "../services/sessions.ts";
import { InFlight } from "./in_flight.ts";
import { TokenBucket } from "./limits.ts";
import { Outbox } from "./outbox.ts";
import type { RoutedClient, Router } from "./router.ts";

const READ_BUFFER = 4096;
/** Requests of one connection under way at once; beyond that it is not read. */
const MAX_IN_FLIGHT = 256;
/** How long a closing connection may take to read what is still queued for it, in ms. */
const FLUSH_TIMEOUT = 3000;
/** What a client may go on sending, in ms and bytes, so that it gets to read why it is being closed. */
const LINGER = { time: 1000, bytes: 1024 * 1024 } as const;

/** The part of a TCP connection that is used here. */
export interface Socket {
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  closeWrite(): Promise<void>;
  close(): void;
}

export interface ConnectionOptions {
  readonly router: Router;
  readonly maxFrame: number;
  /** Bytes that may wait to be written before pushing and reading stop. */
  readonly maxQueue: number;
  /** Frames per second. */
  readonly rate: number;
  readonly now: () => number;
  /** Ends what is logged in on the connection. */
  readonly onEnd: (session: Session) => Promise<void>;
  readonly onDefect: (error: unknown) => void;
}

/** One client: reads frames, hands them to the router in order, and owns the queue of what goes back. */
export class Connection implements Peer, RoutedClient {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #outbox: Outbox;
  readonly inFlight = new InFlight();
  readonly rate: TokenBucket;
  #generation: Generation = 1;
  #session: Session | undefined;
  #closed = false;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.rate = new TokenBucket(options.rate, options.now);
    // A client that is gone is no news: the reader notices as well and ends the session.
    this.#outbox = new Outbox(socket, { bound: options.maxQueue, onFailure: () => this.#close() });
  }

  get peer(): Peer {
    return this;
  }

  get generation(): Generation {
    return this.#generation;
  }

  set generation(generation: Generation) {
    this.#generation = generation;
    this.#outbox.joinWrites = generation === 2;
  }

  get session(): Session | undefined {
    return this.#session?.ended ? undefined : this.#session;
  }

  set session(session: Session | undefined) {
    this.#session = session;
  }

  get writable(): boolean {
    return this.#outbox.writable;
  }

  drained(): Promise<void> {
    return this.#outbox.drained();
  }

  reply(reply: Reply, written?: () => void): void {
    const bytes = encodeReply(reply, this.#generation);
    if (bytes) this.#outbox.add(bytes, written);
  }

  push(push: Push, written?: () => void): void {
    this.#outbox.add(push.bytes(this.#generation), written);
  }

  end(goodbye: Goodbye): Promise<void> {
    this.reply({ msgid: Msg.GOODBYE, reason: goodbye.reason, reconnect_ms: goodbye.reconnectMs });
    return this.finish();
  }

  /** Waits until running requests are answered and everything queued is written, within bounds; then closes. */
  async finish(): Promise<void> {
    await within(FLUSH_TIMEOUT, async () => {
      await this.inFlight.below(1);
      await this.#outbox.flushed();
    });
    this.#close();
  }

  /** Serves the connection until it closes. Never rejects. */
  async run(): Promise<void> {
    try {
      await this.#serve();
      await this.inFlight.below(1);
    } catch (error) {
      if (error instanceof Disconnect) await this.#refuse(error);
      else if (!isGone(error)) this.#options.onDefect(error);
    }
    // A takeover or a logout may have ended the session already.
    const session = this.session;
    if (session) await this.#options.onEnd(session).catch(this.#options.onDefect);
    await this.finish();
  }

  async #serve(): Promise<void> {
    const decoder = new FrameDecoder(this.#options.maxFrame);
    const buffer = new Uint8Array(READ_BUFFER);
    while (!this.#closed) {
      const count = await this.#socket.read(buffer);
      if (count === null) return;
      for (const text of decoder.frames(buffer.subarray(0, count))) {
        const alone = this.#options.router.dispatch(this, text);
        if (alone) await alone;
        await this.inFlight.below(MAX_IN_FLIGHT);
        // One who does not read the answers is not asked for more requests.
        if (!this.#outbox.writable) await this.#outbox.drained();
      }
    }
  }

  /** Says why, and reads on for a moment: closing with unread input would destroy the answer on its way. */
  async #refuse({ errno, message }: Disconnect): Promise<void> {
    await this.inFlight.below(1);
    this.reply({ msgid: Msg.ERROR, errno, errmsg: message });
    await within(FLUSH_TIMEOUT, () => this.#outbox.flushed());
    await within(LINGER.time, () => this.#discardInput());
  }

  async #discardInput(): Promise<void> {
    try {
      await this.#socket.closeWrite();
      const buffer = new Uint8Array(READ_BUFFER);
      for (let left: number = LINGER.bytes; left > 0;) {
        const count = await this.#socket.read(buffer);
        if (count === null) return;
        left -= count;
      }
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#outbox.fail(new Error("closed"));
    try {
      this.#socket.close();
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

/** Whether an error of a socket only says that the other side, or we, closed it. */
function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.BadResource ||
    error instanceof Deno.errors.Interrupted || error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.UnexpectedEof || error instanceof Deno.errors.TimedOut;
}

/** Waits for `work`, but no longer than `ms`. */
async function within(ms: number, work: () => Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const bound = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
  try {
    await Promise.race([work(), bound]);
  } finally {
    clearTimeout(timer);
  }
}
