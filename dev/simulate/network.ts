import type { Wire, WireEvents } from "../../client/link.ts";
import type { Socket } from "../../server/net/connection.ts";
import { FrameDecoder } from "../../server/protocol/decoder.ts";
import type { Machine, World } from "./world.ts";

/** What may be on its way to a reader who does not read, in bytes. */
const WINDOW = 16 * 1024;
const MAX_FRAME = 16 * 1024 * 1024;

type Bytes = Uint8Array | "end";

/** How one end of a cable learns what came. */
interface Sink {
  take(bytes: Bytes): void;
  broken(): void;
}

/** One direction: what is sent arrives in order, after a while, unless the cable breaks before. */
class Direction {
  readonly #world: World;
  readonly #to: Machine;
  readonly #sink: Sink;
  #last = 0;
  #broken = false;
  /** Bytes that were sent and not read. */
  waiting = 0;

  constructor(world: World, { to, sink }: { to: Machine; sink: Sink }) {
    this.#world = world;
    this.#to = to;
    this.#sink = sink;
  }

  send(bytes: Bytes): void {
    if (this.#broken) return;
    if (bytes !== "end") this.waiting += bytes.length;
    this.#at(() => this.#sink.take(bytes));
  }

  /** What is on its way is lost; the receiver learns of it, unless `silent`. Once more, it may learn of it later. */
  break(silent: boolean): void {
    this.#broken = true;
    if (!silent) this.#world.after(this.#latency(), () => this.#sink.broken(), this.#to);
  }

  #at(run: () => void): void {
    const at = Math.max(this.#last, this.#world.now + this.#latency());
    this.#last = at;
    this.#world.after(at - this.#world.now, () => {
      if (!this.#broken) run();
    }, this.#to);
  }

  #latency(): number {
    const { random } = this.#world;
    return 0.2 + 2 * random.next() ** 3 + (random.chance(0.01) ? 80 * random.next() : 0);
  }
}

/** A TCP connection between a client's machine and a node's. */
export class Cable {
  readonly client: ClientEnd;
  readonly server: ServerEnd;
  readonly #up: Direction;
  readonly #down: Direction;

  constructor(
    world: World,
    { client, server, events, port }: {
      client: Machine;
      server: Machine;
      events: WireEvents;
      port: number;
    },
  ) {
    this.server = new ServerEnd(world, { port, send: (bytes) => this.#down.send(bytes), cable: this });
    this.client = new ClientEnd({ events, send: (bytes) => this.#up.send(bytes), cable: this });
    this.#up = new Direction(world, { to: server, sink: this.server });
    this.#down = new Direction(world, { to: client, sink: this.client });
  }

  /** Bytes on their way to the client, or waiting there for it to read. */
  get unread(): number {
    return this.#down.waiting;
  }

  read(bytes: number): void {
    this.#down.waiting -= bytes;
    this.server.room();
  }

  /** Pulls it out. `silent`: neither side learns of it except by the other's silence. */
  cut({ silent = false } = {}): void {
    this.#up.break(silent);
    this.#down.break(silent);
  }
}

/** The server's end. */
export class ServerEnd implements Socket, Sink {
  readonly remoteAddr: { hostname: string; port: number };
  readonly #world: World;
  readonly #send: (bytes: Bytes) => void;
  readonly #cable: Cable;
  #input: Bytes[] = [];
  #broken = false;
  #closed = false;
  #wake: (() => void)[] = [];

  constructor(
    world: World,
    { port, send, cable }: { port: number; send: (bytes: Bytes) => void; cable: Cable },
  ) {
    this.#world = world;
    this.#send = send;
    this.#cable = cable;
    this.remoteAddr = { hostname: "10.0.0.1", port };
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#input.length === 0) {
      this.#check();
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    const bytes = this.#input.shift()!;
    if (bytes === "end") {
      this.#input.unshift("end");
      return null;
    }
    const size = Math.min(bytes.length, buffer.length);
    buffer.set(bytes.subarray(0, size));
    if (size < bytes.length) this.#input.unshift(bytes.subarray(size));
    return size;
  }

  async write(bytes: Uint8Array): Promise<number> {
    await undefined;
    this.#check();
    while (this.#cable.unread >= WINDOW) {
      await new Promise<void>((resolve) => this.#wake.push(resolve));
      this.#check();
    }
    // Now and then in two pieces, as TCP does.
    const size = bytes.length > 1 && this.#world.random.chance(0.1) ? bytes.length >> 1 : bytes.length;
    this.#send(bytes.subarray(0, size));
    return size;
  }

  async closeWrite(): Promise<void> {
    await undefined;
    this.#check();
    this.#send("end");
  }

  close(): void {
    if (this.#closed) throw new Deno.errors.BadResource("closed");
    this.#closed = true;
    this.#send("end");
    this.room();
  }

  take(bytes: Bytes): void {
    this.#input.push(bytes);
    this.room();
  }

  broken(): void {
    this.#broken = true;
    this.#input = [];
    this.room();
  }

  /** Whoever waits looks again. */
  room(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }

  #check(): void {
    if (this.#closed) throw new Deno.errors.BadResource("closed");
    if (this.#broken) throw new Deno.errors.ConnectionReset("connection reset by peer");
  }
}

/** The client's end. */
export class ClientEnd implements Wire, Sink {
  readonly #events: WireEvents;
  readonly #send: (bytes: Bytes) => void;
  readonly #cable: Cable;
  readonly #decoder = new FrameDecoder(MAX_FRAME);
  #unread: Bytes[] = [];
  #reads = true;
  #closed = false;

  constructor(
    { events, send, cable }: { events: WireEvents; send: (bytes: Bytes) => void; cable: Cable },
  ) {
    this.#events = events;
    this.#send = send;
    this.#cable = cable;
  }

  send(line: string): void {
    if (!this.#closed) this.#send(new TextEncoder().encode(line + "\n"));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#send("end");
    // Whatever still comes is answered by a reset.
    this.#unread = [];
    this.#cable.cut();
  }

  /** Whether it takes what comes. */
  set reads(reads: boolean) {
    this.#reads = reads;
    if (!reads) return;
    const unread = this.#unread;
    this.#unread = [];
    for (const bytes of unread) this.#give(bytes);
  }

  take(bytes: Bytes): void {
    if (this.#reads) this.#give(bytes);
    else this.#unread.push(bytes);
  }

  broken(): void {
    this.#end("connection reset");
  }

  #give(bytes: Bytes): void {
    if (this.#closed) return;
    if (bytes === "end") return this.#end("closed by the other side");
    this.#cable.read(bytes.length);
    for (const text of this.#decoder.frames(bytes)) if (!this.#closed) this.#events.frame(text);
  }

  #end(cause: string): void {
    if (this.#closed) return;
    this.close();
    this.#events.closed(cause);
  }
}
