import { type Confirmer, confirmerOf } from "./confirmer.ts";
import { Counter } from "./counter.ts";
import { Gauge } from "./gauge.ts";
import { serve } from "./worker.ts";

/**
 * Pairs of people who answer each other: one message is under way in each pair, and whoever gets it writes the next
 * one, as soon as their own last one is acknowledged, where the server acknowledges.
 */
export interface DialogueSettings {
  /** The port of the server of those who begin, and that of the others'. */
  readonly ports: readonly [number, number];
  /** Ids of the two of each pair. */
  readonly pairs: readonly (readonly [number, number])[];
  readonly acknowledged: boolean;
  /** Whether everybody confirms what they get. */
  readonly receipts: boolean;
}

class Speaker {
  readonly #client: Counter;
  readonly #prefix: string;
  readonly #acknowledged: boolean;
  #sent = 0;
  #acks = 0;
  #turn = false;

  constructor(
    client: Counter,
    { to, settings, onMessage }: {
      to: number;
      settings: DialogueSettings;
      onMessage: () => void;
    },
    confirmer: Confirmer | undefined,
  ) {
    this.#client = client;
    this.#acknowledged = settings.acknowledged;
    const run = Date.now().toString(36);
    this.#prefix = `{"msgid":6,"toid":${to},"msg":"hello, how are you today?","mid":"${run}-`;
    client.onFrame = (msgid, frame) => {
      if (msgid === 12) this.#acks++;
      if (msgid !== 6) return;
      confirmer?.note(frame);
      onMessage();
      this.#turn = true;
    };
    client.onRead = () => this.#say();
  }

  begin(): void {
    this.#turn = true;
    this.#say();
  }

  #say(): void {
    if (!this.#turn || (this.#acknowledged && this.#acks < this.#sent)) return;
    this.#turn = false;
    this.#client.send(`${this.#prefix}${this.#sent++}"}\n`);
  }
}

await serve(async (settings: DialogueSettings) => {
  const gauge = new Gauge();
  const { ports, pairs, receipts } = settings;
  const speakers = await Promise.all(pairs.map(async (pair, index) => {
    const clients = await Promise.all(pair.map((user, i) => Counter.logIn(ports[i]!, user)));
    let since = performance.now();
    // From one message's arrival to the next one's: the answer goes out at once.
    const onMessage = () => {
      const now = performance.now();
      gauge.add(now - since);
      since = now;
    };
    return clients.map((client, i) =>
      new Speaker(
        client,
        { to: pair[1 - i]!, settings, onMessage },
        receipts ? confirmerOf(client, { pair, index }) : undefined,
      )
    );
  }));
  for (const [first] of speakers) first!.begin();
  return { mark: () => gauge.read() };
});
