import type { Session } from "../services/sessions.ts";
import { Connection, type Socket } from "./connection.ts";
import { Encoder } from "./encoder.ts";
import { Router } from "./router.ts";
import type { Services } from "./routes.ts";

/** A socket whose two ends the test holds. */
export class FakeSocket implements Socket {
  readonly remoteAddr = { hostname: "127.0.0.1", port: 5 };
  /** What was written, and "end" and "close" when the stream ended. */
  readonly seen: string[] = [];
  /** Whether the client reads; if not, writes wait. */
  reads = true;
  failing: Error | undefined;
  #input: (string | null)[] = [];
  #wakeReader: (() => void) | undefined;
  #wakeWriter: (() => void) | undefined;

  /** The client sends text, or null: it has closed. */
  send(text: string | null): void {
    this.#input.push(text);
    this.#wakeReader?.();
  }

  readAgain(): void {
    this.reads = true;
    this.#wakeWriter?.();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#input.length === 0) {
      if (this.seen.includes("close")) throw new Deno.errors.BadResource("closed");
      await new Promise<void>((resolve) => this.#wakeReader = resolve);
    }
    const text = this.#input.shift()!;
    if (text === null) return null;
    const { read, written } = new TextEncoder().encodeInto(text, buffer);
    if (read < text.length) this.#input.unshift(text.slice(read));
    return written;
  }

  async write(bytes: Uint8Array): Promise<number> {
    await undefined;
    if (this.failing) throw this.failing;
    while (!this.reads) await new Promise<void>((resolve) => this.#wakeWriter = resolve);
    if (this.seen.includes("close")) throw new Deno.errors.BadResource("closed");
    this.seen.push(new TextDecoder().decode(bytes));
    return bytes.length;
  }

  async closeWrite(): Promise<void> {
    if (this.seen.includes("close")) throw new Deno.errors.BadResource("closed");
    await undefined;
    this.seen.push("end");
  }

  close(): void {
    this.seen.push("close");
    this.readAgain();
    this.#wakeReader?.();
  }
}

/** A connection on a socket, a clock and services that the test moves. */
export function bench(services: Record<string, unknown> = {}, { pace = 0 } = {}) {
  const socket = new FakeSocket();
  const seen = { defects: [] as unknown[], ended: [] as Session[], journal: [] as unknown[], turns: 0 };
  const timers = new Set<{ at: number; run: () => void }>();
  let now = 0;
  let mayEnd: Promise<void> | undefined;
  /** Connections whose clients have gone wait until the result is called. */
  const holdEnds = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    mayEnd = promise;
    return resolve;
  };
  const router = new Router({ now: () => 7, ...services } as unknown as Services, {
    mayServe: () => true,
    isUnavailable: () => false,
    journal: { refused: () => {} },
    onDefect: (error) => seen.defects.push(error),
  });
  const connection = new Connection(socket, {
    router,
    maxFrame: 65_536,
    maxQueue: 4096,
    rate: 1e9,
    v1: { pace, longest: 1023 },
    clientTimeout: 60_000,
    system: {
      monotonic: () => now,
      after: (ms, run) => {
        const timer = { at: now + ms, run };
        timers.add(timer);
        return () => timers.delete(timer);
      },
      turn: async () => {
        seen.turns++;
        await undefined;
      },
    },
    encoder: new Encoder(),
    ends: {
      run: async (work) => {
        await mayEnd;
        return await work();
      },
    },
    journal: {
      loggedIn: (_, { user }) => seen.journal.push(["in", user]),
      loggedOut: (_, { reason }) => seen.journal.push(["out", reason]),
    },
    onEnd: (session) => {
      seen.ended.push(session);
      session.ended = true;
      return Promise.resolve();
    },
    onDefect: (error) => seen.defects.push(error),
  });
  /** Lets ms pass, and everything that is ready run. */
  const pass = async (ms: number) => {
    await settled();
    now += ms;
    for (const timer of [...timers].sort((a, b) => a.at - b.at)) {
      if (timer.at <= now && timers.delete(timer)) timer.run();
      await settled();
    }
    await settled();
  };
  const session = (generation: 1 | 2 = 2) => {
    connection.generation = generation;
    const made = { user: { id: 1, name: "ann" }, ended: false, peer: connection } as unknown as Session;
    connection.session = made;
    return made;
  };
  const sleep = (ms: number) => void (now += ms);
  return { socket, connection, router, seen, timers, pass, session, sleep, holdEnds };
}

export async function settled(): Promise<void> {
  for (let i = 0; i < 2000; i++) await undefined;
}

export const line = (frame: unknown) => JSON.stringify(frame) + "\n";
export const PING = line({ msgid: 14 });
export const CHAT = line({ msgid: 6, toid: 2, msg: "x", mid: "m" });
export const parsed = (texts: string[]) =>
  texts.flatMap((text) =>
    text.startsWith("{") ? text.trim().split("\n").map((one) => JSON.parse(one)) : text
  );
