import { Disconnect } from "../errors.ts";
import { FrameDecoder } from "../protocol/decoder.ts";
import { encodeReply, type Push } from "../protocol/encode.ts";
import type { Generation } from "../protocol/message_frame.ts";
import type { Reply } from "../protocol/messages.ts";
import { Msg } from "../protocol/msgid.ts";
import type { Journal, Origin } from "../ops/journal.ts";
import type { Gate } from "../services/gate.ts";
import type { Goodbye, Peer } from "../services/peer.ts";
import type { Session } from "../services/sessions.ts";
import type { System } from "../system.ts";
import { isGone } from "./gone.ts";
import type { Encoder } from "./encoder.ts";
import { InFlight } from "./in_flight.ts";
import { TokenBucket } from "./limits.ts";
import { Outbox } from "./outbox.ts";
import type { RoutedClient, Router } from "./router.ts";

/** What is read at once, in bytes: little, as most connections are silent, and more from one that says more. */
const READ_BUFFER = { least: 256, most: 16_384 } as const;
/**
 * So many frames of one connection, or characters of them, are looked at in a row, or for so many ms; then all others
 * have their turn. On SQLite a page of history takes milliseconds during which nobody else is served.
 */
const TURN = { frames: 64, size: 64 * 1024, ms: 2 } as const;
/**
 * How long a connection that ends waits for its requests to be answered, and for its session to end, in ms. What takes
 * longer goes on without it; a client is told that the server stops while there is time.
 */
const SETTLE_TIMEOUT = 750;
/** How long a closing connection may take to read what is still queued for it, in ms. */
const FLUSH_TIMEOUT = 3000;
/**
 * How long a client may go on sending after it was told that the connection ends, in ms. Closing with unread input
 * would make the system throw away what is on its way to the client.
 */
const LINGER = 1000;
/** After so many requests that no client has reason to send the connection is left alone for a moment, in ms. */
const FAULTS_AT_ONCE = 100;
const FAULT_PAUSE = 50;

/** The part of a TCP connection that is used here. */
export interface Socket {
  readonly remoteAddr: Origin;
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
  /** For clients of the first generation. `pace`: ms between two frames. `longest`: bytes of a frame; 0 for no bound. */
  readonly v1: { readonly pace: number; readonly longest: number };
  /** How long a v2 session may be silent, in ms; it is pinged after half of that. */
  readonly clientTimeout: number;
  readonly system: Pick<System, "monotonic" | "after" | "turn">;
  readonly encoder: Encoder;
  /** What connections whose clients have gone wait for: thousands at once must not keep the others waiting. */
  readonly ends: Pick<Gate, "run">;
  /** Told who comes and goes. */
  readonly journal: Pick<Journal, "loggedIn" | "loggedOut">;
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
  faults = 0;
  #generation: Generation = 1;
  #session: Session | undefined;
  /** Resolved when the frames of the last read have been dispatched. */
  #dispatching: PromiseWithResolvers<void> | undefined;
  /** Once set, what comes in is thrown away. */
  #farewell: Promise<void> | undefined;
  #closed = false;
  /** Whether nothing further comes in. */
  #ended = false;
  #endLingering: (() => void) | undefined;
  /** When something came in last, by the monotonic clock. */
  #heard: number;
  #pinged = false;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.rate = new TokenBucket(options.rate, options.system.monotonic);
    this.#heard = options.system.monotonic();
    // A client that is gone is no news: the reader notices as well and ends the session.
    this.#outbox = new Outbox(socket, {
      encoder: options.encoder,
      bound: options.maxQueue,
      onFailure: () => this.#close(),
      pace: { ms: options.v1.pace, after: options.system.after },
    });
  }

  get origin(): Origin {
    return this.#socket.remoteAddr;
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
    // A login that comes to its end after the farewell has nobody to serve.
    if (session && this.#farewell) {
      this.#options.onEnd(session).catch(this.#options.onDefect);
    } else if (session) {
      this.#options.journal.loggedIn(this.origin, { user: session.user.id, generation: this.#generation });
    } else {
      this.#tellLoggedOut("logout");
    }
    this.#session = session;
  }

  get writable(): boolean {
    return this.#outbox.writable;
  }

  drained(): Promise<boolean> {
    return this.#outbox.drained();
  }

  reply(reply: Reply, written?: () => void): void {
    const frame = encodeReply(reply, this.#generation);
    if (frame) this.#outbox.add(frame, written);
  }

  push(push: Push, written?: () => void): void {
    if (this.#generation === 2) {
      const text = push.text(2);
      if (text !== undefined) this.#outbox.add(text, written);
      return;
    }
    const frames = push.v1Frames(this.#options.v1.longest);
    for (const [i, frame] of frames.entries()) {
      this.#outbox.add(frame, i === frames.length - 1 ? written : undefined);
    }
  }

  confirmWritten(): void {
    this.#outbox.confirm();
  }

  end(goodbye: Goodbye): Promise<void> {
    const { reason, reconnectMs } = goodbye;
    return this.#leave({ msgid: Msg.GOODBYE, reason, reconnect_ms: reconnectMs }, reason);
  }

  /** For how long nobody has been logged in and nothing has come in, in ms; 0 if that is not so. */
  get idleFor(): number {
    const isIdle = !this.session && this.inFlight.count === 0 && !this.#farewell;
    return isIdle ? this.#options.system.monotonic() - this.#heard : 0;
  }

  /** Closes the connection of a client that nobody is logged in on, without a word that it may not understand. */
  dismiss(): void {
    this.#close();
  }

  /**
   * Looks whether the client is still there. Called every few seconds. Where nobody is logged in a client may be silent:
   * programs of the first generation wait at their menu for hours.
   */
  checkLife(): void {
    const { system, clientTimeout } = this.#options;
    if (!this.session || this.#generation === 1) return;
    const silence = system.monotonic() - this.#heard;
    if (silence > clientTimeout) {
      // Nobody is there to be told.
      this.#close();
    } else if (silence > clientTimeout / 2 && !this.#pinged) {
      this.#pinged = true;
      this.reply({ msgid: Msg.PING });
    }
  }

  /** Serves the connection until it closes. Never rejects. */
  async run(): Promise<void> {
    let fault: Disconnect | undefined;
    try {
      await this.#serve();
      this.#ended = true;
    } catch (error) {
      if (error instanceof Disconnect) fault = error;
      else if (!isGone(error)) this.#options.onDefect(error);
    }
    this.#outbox.forsake();
    this.#dispatching?.resolve();
    await this.#options.ends.run(() => Promise.resolve());
    await this.#leave(fault && { msgid: Msg.ERROR, errno: fault.errno, errmsg: fault.message });
    if (fault) await this.#within(LINGER, () => this.#discard());
    this.#close();
  }

  async #serve(): Promise<void> {
    const { monotonic, turn } = this.#options.system;
    const decoder = new FrameDecoder(this.#options.maxFrame);
    let buffer = new Uint8Array(READ_BUFFER.least);
    let faults = FAULTS_AT_ONCE;
    let frames = 0;
    let size = 0;
    let spent = 0;
    while (!this.#closed) {
      const count = await this.#socket.read(buffer);
      if (count === null) return;
      let began = this.#heard = monotonic();
      this.#pinged = false;
      if (this.#farewell) continue;
      this.#dispatching = Promise.withResolvers();
      for (const text of decoder.frames(buffer.subarray(0, count))) {
        const alone = this.#options.router.dispatch(this, text);
        if (alone) await alone;
        const busy = this.inFlight.room();
        if (busy) await busy;
        // One who does not read the answers is not asked for more requests.
        if (this.#outbox.isFull) await this.#outbox.room();
        // What had been read when the server began to stop is answered.
        if (this.#farewell && !this.#options.router.stopping) break;
        if (this.faults >= faults) {
          faults = this.faults + FAULTS_AT_ONCE;
          await this.#pause(FAULT_PAUSE);
        }
        // A client whose next read is ready goes on at once.
        const isOver = ++frames >= TURN.frames || (size += text.length) >= TURN.size;
        if (isOver || spent + monotonic() - began >= TURN.ms) {
          frames = size = spent = 0;
          await turn();
          began = monotonic();
        }
      }
      spent += monotonic() - began;
      this.#dispatching.resolve();
      const fit = fitting(count, buffer.length);
      if (fit !== buffer.length) buffer = new Uint8Array(fit);
    }
  }

  /**
   * Waits until running requests are answered, ends the session, says a last word, and ends the stream to the client,
   * who may log in elsewhere as soon as it hears.
   */
  #leave(last: Reply | undefined, reason = "closed"): Promise<void> {
    if (!this.#farewell) this.#tellLoggedOut(reason);
    return this.#farewell ??= this.#sayFarewell(last);
  }

  /** Whether the session has ended already, for another one, or ends now. */
  #tellLoggedOut(reason: string): void {
    if (this.#session) this.#options.journal.loggedOut(this.origin, { user: this.#session.user.id, reason });
  }

  async #sayFarewell(last: Reply | undefined): Promise<void> {
    const { stopping } = this.#options.router;
    if (stopping) await this.#within(SETTLE_TIMEOUT, async () => await this.#dispatching?.promise);
    if (this.inFlight.count > 0) await this.#within(SETTLE_TIMEOUT, async () => await this.inFlight.idle());
    // A takeover or a logout may have ended it already.
    const session = this.session;
    if (session) {
      await this.#within(SETTLE_TIMEOUT, () => this.#options.onEnd(session).catch(this.#options.onDefect));
    }
    if (last) this.reply(last);
    if (this.#outbox.queued > 0) await this.#within(FLUSH_TIMEOUT, () => this.#outbox.flushed());
    // One who has not read what is queued by now is not waited for any longer.
    if (this.#outbox.queued > 0) return this.#close();
    // Nothing is unread, so that closing throws nothing away.
    if (this.#ended) return this.#close();
    // The reader notices when the client has closed too.
    this.#endLingering = this.#options.system.after(LINGER, () => this.#close());
    try {
      await this.#socket.closeWrite();
    } catch (error) {
      if (!isGone(error)) this.#options.onDefect(error);
    }
  }

  async #discard(): Promise<void> {
    try {
      const buffer = new Uint8Array(READ_BUFFER.most);
      while (await this.#socket.read(buffer) !== null);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#options.system.after(ms, resolve));
  }

  /** Waits for `work`, but no longer than `ms`. */
  async #within(ms: number, work: () => Promise<void>): Promise<void> {
    const bound = Promise.withResolvers<void>();
    const cancel = this.#options.system.after(ms, bound.resolve);
    try {
      await Promise.race([work(), bound.promise]);
    } finally {
      cancel();
    }
  }

  #close(): void {
    this.#endLingering?.();
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

/** How large a buffer should be after a read that brought `count` bytes into one of `size`. */
function fitting(count: number, size: number): number {
  if (count === size) return Math.min(size * 4, READ_BUFFER.most);
  // Smaller only by far: else the two pieces of every burst would make it grow and shrink again.
  return count < size / 8 ? Math.max(size / 4, READ_BUFFER.least) : size;
}
