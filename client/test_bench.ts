import { App } from "./app.ts";
import { FakeClock } from "./fake_clock.ts";
import type { Wire, WireEvents } from "./link.ts";

export type Fields = Record<string, unknown>;

/** What the server answers to alice's login. */
export const ALICE = {
  msgid: 2,
  errno: 0,
  id: 1,
  name: "alice",
  token: "t1",
  friends: [],
  groups: [],
  conversations: [],
};
/** A message of bob's to alice. */
export const HELLO = { msgid: 6, id: 2, name: "bob", toid: 1, msg: "hello", conv: "u1-2", seq: 1, at: 0 };

/** A client whose keyboard, network and clock are the test. */
export class Bench {
  readonly clock = new FakeClock();
  readonly lines: string[] = [];
  readonly prompts: string[] = [];
  /** What the client has sent and no test has looked at yet. */
  sent: Fields[] = [];
  exit: number | undefined;
  up = true;
  /** How often it has connected. */
  dials = 0;
  readonly app: App;
  #wire: WireEvents | undefined;
  #mids = 0;

  constructor(options: { interactive?: boolean; device?: string } = {}) {
    const output = {
      print: (line: string, shown?: () => void) => {
        this.lines.push(line);
        shown?.();
      },
      prompt: (text: string, how?: { secret?: boolean }) => {
        this.prompts.push(how?.secret ? `${text} (secret)` : text);
      },
    };
    this.app = new App(output, {
      servers: [{ name: "test", dial: (events) => this.#dial(events) }],
      clock: this.clock,
      // At once where there is a server; a wait where there is none, or time would stand still.
      random: () => this.up ? 0 : 1,
      newMid: () => `m${++this.#mids}`,
      ...options.device !== undefined && { device: { device: options.device, client: "test" } },
      interactive: options.interactive ?? false,
      exit: (code) => this.exit = code,
    });
  }

  /** A client with alice logged in and nothing on record yet. */
  static async loggedIn(
    ack: Fields = ALICE,
    options: { interactive?: boolean; device?: string } = {},
  ): Promise<Bench> {
    const bench = new Bench(options);
    await bench.app.start();
    bench.type("1", "alice", "secret");
    bench.says(ack);
    bench.lines.length = 0;
    bench.sent = [];
    return bench;
  }

  #dial(events: WireEvents): Promise<Wire> {
    if (!this.up) return Promise.reject(new Error("cannot connect"));
    const isFirst = this.#wire === undefined;
    this.#wire = events;
    this.dials++;
    const send = (line: string) => {
      // The first ping asks whether this is a chat server.
      if (isFirst && line === '{"msgid":14}') events.frame('{"msgid":15,"at":0}');
      else this.sent.push(JSON.parse(line));
    };
    return Promise.resolve({ send, close: () => {} });
  }

  type(...lines: string[]): void {
    for (const text of lines) this.app.post({ type: "line", text, taken: () => {} });
  }

  says(...frames: Fields[]): void {
    for (const frame of frames) this.#wire?.frame(JSON.stringify(frame));
  }

  saysText(text: string): void {
    this.#wire?.frame(text);
  }

  /** Acknowledges a message. */
  stores(mid: string, seq: number, conv = "u1-2"): void {
    this.says({ msgid: 12, mid, conv, seq, at: 0 });
  }

  async breaks(): Promise<void> {
    this.#wire?.closed("gone");
    await this.clock.pass(0);
  }

  /** What was sent since the last look. */
  took(): Fields[] {
    const sent = this.sent;
    this.sent = [];
    return sent;
  }

  printed(): string[] {
    return this.lines.splice(0);
  }
}
