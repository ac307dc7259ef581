import { Counter, numberIn } from "./counter.ts";
import { Gauge } from "./gauge.ts";
import { serve } from "./worker.ts";

/**
 * Pairs of clients that chat at a steady pace, whether or not the server keeps up: a server that stands still for a
 * while delays all that is sent meanwhile, and every one of these messages counts. What it could not store is sent
 * again.
 */
export interface SteadySettings {
  /** The port of the senders' server, and that of the receivers'. */
  readonly ports: readonly [number, number];
  /** Ids of senders and receivers. */
  readonly pairs: readonly (readonly [number, number])[];
  /** How often each pair sends, ms. */
  readonly everyMs: number;
}

const NOT_STORED = 108;

interface Refusal {
  readonly errno: number;
  readonly mid?: string;
  readonly retry_ms?: number;
}

class SteadyPair {
  readonly #sender: Counter;
  readonly #to: number;
  /** When each message was sent first, by its number, of those that are not delivered. */
  readonly #underway = new Map<number, number>();
  readonly #decoder = new TextDecoder();
  /** Numbers that no earlier run has used. */
  #number = Date.now() * 1000;

  constructor(clients: readonly [Counter, Counter], { to, gauge }: { to: number; gauge: Gauge }) {
    const [sender, receiver] = clients;
    this.#sender = sender;
    this.#to = to;
    sender.onRefusal = (frame) => this.#refused(frame);
    receiver.onFrame = (msgid, frame) => {
      if (msgid !== 6) return;
      const number = numberIn(frame);
      const began = this.#underway.get(number);
      if (began === undefined) return;
      this.#underway.delete(number);
      gauge.add(performance.now() - began);
    };
  }

  get underway(): Iterable<number> {
    return this.#underway.values();
  }

  say(): void {
    const number = this.#number++;
    this.#underway.set(number, performance.now());
    this.#send(`${number}`);
  }

  #send(mid: string): void {
    this.#sender.send(
      `{"msgid":6,"toid":${this.#to},"msg":"hello, how are you today? #${mid};","mid":"${mid}"}\n`,
    );
  }

  #refused(frame: Uint8Array): void {
    const text = this.#decoder.decode(frame);
    const { errno, mid, retry_ms }: Refusal = JSON.parse(text);
    if (errno !== NOT_STORED || mid === undefined) throw new Error(`the server refused: ${text}`);
    setTimeout(() => this.#send(mid), retry_ms ?? 0);
  }
}

await serve(async ({ ports, pairs, everyMs }: SteadySettings) => {
  const gauge = new Gauge();
  const all = await Promise.all(pairs.map(async ([from, to], i) => {
    const clients = await Promise.all([Counter.logIn(ports[0], from), Counter.logIn(ports[1], to)]);
    const pair = new SteadyPair(clients, { to, gauge });
    setTimeout(() => setInterval(() => pair.say(), everyMs), everyMs * i / pairs.length);
    return pair;
  }));
  return {
    mark: () => {
      // What is still under way has taken so long at least.
      for (const pair of all) {
        for (const began of pair.underway) gauge.add(performance.now() - began, 0);
      }
      return gauge.read();
    },
  };
});
