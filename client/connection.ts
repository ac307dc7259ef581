import { FrameDecoder } from "../server/protocol/decoder.ts";
import type { Dial, Server, Wire, WireEvents } from "./link.ts";

/** Far more than a server takes: LOGIN_ACK of someone in many groups is one frame. */
const MAX_FRAME = 16 * 1024 * 1024;
const READ_BUFFER = 64 * 1024;

/**
 * Opens TCP connections to one server. The promise rejects with an Error that names host, port and cause, and says
 * what to check; a failure later on is the `closed` event of the wire.
 */
export function tcpServer(hostname: string, port: number): Server {
  const name = hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
  const dial: Dial = async (events) => {
    let conn: Deno.TcpConn;
    try {
      conn = await Deno.connect({ hostname, port });
    } catch (cause) {
      throw new Error(`cannot connect to ${name}: ${whyNot(cause)}`, { cause });
    }
    try {
      conn.setNoDelay(true);
    } catch (cause) {
      // The peer may be gone again already; then the read below says so.
      if (!(cause instanceof Error)) throw cause;
    }
    return new TcpWire(conn, events);
  };
  return { name, dial };
}

class TcpWire implements Wire {
  readonly #conn: Deno.TcpConn;
  readonly #events: WireEvents;
  readonly #utf8 = new TextEncoder();
  #unsent: string[] = [];
  #writing = false;
  #closed = false;

  constructor(conn: Deno.TcpConn, events: WireEvents) {
    this.#conn = conn;
    this.#events = events;
    this.#read().then(
      () => this.#end("the server closed the connection"),
      (cause: unknown) => this.#end(whyLost(cause)),
    );
  }

  send(line: string): void {
    this.#unsent.push(line + "\n");
    if (this.#writing || this.#closed) return;
    this.#writing = true;
    this.#write().catch((cause: unknown) => this.#end(whyLost(cause)));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
  }

  async #write(): Promise<void> {
    while (this.#unsent.length > 0 && !this.#closed) {
      const bytes = this.#utf8.encode(this.#unsent.join(""));
      this.#unsent = [];
      for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
    }
    this.#writing = false;
  }

  async #read(): Promise<void> {
    const decoder = new FrameDecoder(MAX_FRAME);
    const buffer = new Uint8Array(READ_BUFFER);
    for (;;) {
      const length = await this.#conn.read(buffer);
      if (length === null) return;
      for (const text of decoder.frames(buffer.subarray(0, length))) {
        if (!this.#closed) this.#events.frame(text);
      }
    }
  }

  #end(cause: string): void {
    if (this.#closed) return;
    this.close();
    this.#events.closed(cause);
  }
}

/** Why a connection ended, as a clause. */
function whyLost(cause: unknown): string {
  if (cause instanceof Deno.errors.ConnectionReset || cause instanceof Deno.errors.BrokenPipe) {
    return "the server broke off the connection";
  }
  return cause instanceof Error ? cause.message : String(cause);
}

/** The cause of a failed connection, and what to check, as a clause. */
function whyNot(cause: unknown): string {
  if (cause instanceof Deno.errors.ConnectionRefused) {
    return "connection refused; check that the server is running and that the port is right";
  }
  if (cause instanceof Deno.errors.TimedOut) {
    return "no answer; check the host's address and any firewall in between";
  }
  if (cause instanceof Deno.errors.NotCapable) {
    return "not permitted; run the client with --allow-net";
  }
  const message = cause instanceof Error ? cause.message : String(cause);
  return /lookup|resolve|name or service/i.test(message)
    ? "no such host; check the spelling of its name"
    : `${message}; check host, port and network`;
}
