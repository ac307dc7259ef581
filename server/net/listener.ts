import { Errno, StartupError } from "../errors.ts";
import { encodeReply } from "../protocol/encode.ts";
import type { EndReason } from "../protocol/messages.ts";
import { Msg } from "../protocol/msgid.ts";
import type { Journal } from "../ops/journal.ts";
import type { Cancel, System } from "../system.ts";
import { isGone } from "./gone.ts";
import { Encoder } from "./encoder.ts";
import { Idlest } from "./idlest.ts";
import { Connection, type ConnectionOptions } from "./connection.ts";

export interface ListenerOptions extends Omit<ConnectionOptions, "encoder" | "journal" | "system"> {
  readonly journal: Pick<Journal, "loggedIn" | "loggedOut" | "limited">;
  readonly system: System;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly maxConnections: number;
  /** Told when no connection can be accepted just now, for example for want of file descriptors. */
  readonly onAcceptError: (error: unknown) => void;
}

/** So many connections are accepted in a row; then what else is ready has its turn. */
const ACCEPT_AT_ONCE = 4;
/** How long to wait before accepting again when the system has no room for another connection, in ms. */
const ACCEPT_PAUSE = 100;
/** How often connections are looked at for signs of life, in ms. */
const CHECK_INTERVAL = 10_000;
/** A client that comes back at once would find the port closed, or open on a server that is about to end, in ms. */
const MIN_RECONNECT = 100;
/** Clients that are asked to come back do so this far apart, or closer if there are too many for the spread, in ms. */
const RECONNECT_STEP = 2;
/** How long requests that are on their way are still answered when the server stops, in ms. */
const CLOSE_PAUSE = 100;

/** Accepts TCP connections and runs each of them. */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #forConnections: ConnectionOptions;
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Map<Connection, Promise<void>>();
  readonly #cancelCheck: Cancel;
  readonly #idlest: Idlest<Connection>;
  /** Connections that had to make room and are about to be gone. */
  #leaving = 0;
  #closing = false;
  readonly #accepting: Promise<void>;

  /** @throws {StartupError} if the address cannot be listened on. */
  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#forConnections = { ...options, encoder: new Encoder() };
    this.#idlest = new Idlest(options.system.monotonic);
    const { host, port } = options;
    try {
      this.#listener = Deno.listen({ hostname: host, port, tcpBacklog: 4096 });
    } catch (error) {
      throw new StartupError(whyNot(error, { host, port }));
    }
    this.#accepting = this.#accept();
    this.#cancelCheck = options.system.every(Math.min(CHECK_INTERVAL, options.clientTimeout / 4), () => {
      for (const connection of this.#connections.keys()) connection.checkLife();
    });
  }

  get address(): Deno.NetAddr {
    return this.#listener.addr;
  }

  get size(): number {
    return this.#connections.size;
  }

  /** Takes no further connections. Those there are stay. */
  stop(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#cancelCheck();
    this.#listener.close();
  }

  /**
   * Says goodbye on every connection and waits until all are closed.
   * @param spread Clients are asked to come back at different times within so many ms; few of them, sooner.
   */
  async close({ reason, spread }: { reason: EndReason; spread: number }): Promise<void> {
    this.stop();
    // What clients have sent already is answered before they are told.
    if (this.#connections.size > 0) await this.#pause(CLOSE_PAUSE);
    const connections = [...this.#connections.keys()];
    const share = Math.min(RECONNECT_STEP, spread / Math.max(1, connections.length));
    await Promise.all(
      connections.map((connection, i) =>
        connection.end({ reason, reconnectMs: Math.round(MIN_RECONNECT + i * share) })
      ),
    );
    await this.#accepting;
    await Promise.all(this.#connections.values());
  }

  async #accept(): Promise<void> {
    for (let accepted = 1; !this.#closing; accepted++) {
      try {
        this.#serve(await this.#listener.accept());
        if (accepted % ACCEPT_AT_ONCE === 0) await this.#options.system.turn();
      } catch (error) {
        if (this.#closing) return;
        // It left before it was accepted: nothing is wrong here.
        if (isGone(error)) continue;
        this.#options.onAcceptError(error);
        await this.#pause(ACCEPT_PAUSE);
      }
    }
  }

  #serve(socket: Deno.TcpConn): void {
    if (!this.#hasRoom()) {
      this.#turnAway(socket).catch(this.#options.onDefect);
      return;
    }
    if (!configure(socket)) return;
    const connection = new Connection(socket, this.#forConnections);
    const done = connection.run().catch(this.#options.onDefect).finally(() =>
      this.#connections.delete(connection)
    );
    this.#connections.set(connection, done);
  }

  /** Whether one more connection fits, if need be because one that nobody is logged in on has to go. */
  #hasRoom(): boolean {
    if (this.#connections.size - this.#leaving < this.#options.maxConnections) return true;
    const idle = this.#idlest.take(this.#connections.keys());
    if (!idle) return false;
    this.#options.journal.limited(idle.origin, "connections");
    this.#leaving++;
    void this.#connections.get(idle)?.finally(() => this.#leaving--);
    idle.dismiss();
    return true;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#options.system.after(ms, resolve));
  }

  async #turnAway(socket: Deno.TcpConn): Promise<void> {
    this.#options.journal.limited(socket.remoteAddr, "connections");
    const frame = encodeReply({
      msgid: Msg.ERROR,
      errno: Errno.TOO_MANY,
      errmsg: "too many connections, try again later",
    }, 1);
    try {
      if (frame) await socket.write(this.#forConnections.encoder.encode(frame));
      await socket.closeWrite();
    } catch (error) {
      if (!isGone(error)) throw error;
    } finally {
      socket.close();
    }
  }
}

/** False if the other side has left already. */
function configure(socket: Deno.TcpConn): boolean {
  try {
    socket.setNoDelay(true);
    socket.setKeepAlive(true);
    return true;
  } catch (error) {
    socket.close();
    if (!isGone(error)) throw error;
    return false;
  }
}

function whyNot(error: unknown, { host, port }: { host: string; port: number }): string {
  const where = `${host}:${port}`;
  if (error instanceof Deno.errors.AddrInUse) {
    return `port ${port} on ${host} is in use; stop the program that has it, or choose another with --port`;
  }
  if (error instanceof Deno.errors.AddrNotAvailable) {
    return `${host} is not an address of this machine; choose another with --host`;
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return `may not listen on ${where}; ports below 1024 need special rights, choose another with --port`;
  }
  return `cannot listen on ${where}: ${
    error instanceof Error ? error.message : error
  }; check --host and --port`;
}
