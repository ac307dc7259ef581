import { type Confirmer, confirmerOf } from "./confirmer.ts";
import { Counter } from "./counter.ts";
import { Gauge } from "./gauge.ts";
import { serve } from "./worker.ts";

/**
 * Pairs of clients in a closed loop. Each sender has a fixed number of messages under way; the next one goes out when
 * an earlier one has reached its receiver and, where the server acknowledges, has been acknowledged.
 */
export interface PairsSettings {
  /** The port of the senders' server, and that of the receivers'. */
  readonly ports: readonly [number, number];
  /** Ids of senders and receivers. */
  readonly pairs: readonly (readonly [number, number])[];
  readonly inFlight: number;
  /** Whether the server acknowledges. */
  readonly acknowledged: boolean;
  /** Whether receivers confirm what they get. */
  readonly receipts: boolean;
}

class Pair {
  readonly #sender: Counter;
  readonly #settings: PairsSettings;
  readonly #prefix: string;
  #sent = 0;
  #delivered = 0;
  #acknowledged = 0;
  readonly #times: number[] = [];

  constructor(
    clients: readonly [Counter, Counter],
    { to, gauge, settings }: { to: number; gauge: Gauge; settings: PairsSettings },
    confirmer: Confirmer | undefined,
  ) {
    const [sender, receiver] = clients;
    this.#sender = sender;
    this.#settings = settings;
    const run = Date.now().toString(36);
    this.#prefix = `{"msgid":6,"toid":${to},"msg":"hello, how are you today?","mid":"${run}-`;
    receiver.onFrame = (msgid, frame) => {
      if (msgid !== 6) return;
      confirmer?.note(frame);
      this.#delivered++;
      gauge.add(performance.now() - this.#times.shift()!);
    };
    sender.onFrame = (msgid) => {
      if (msgid === 12) this.#acknowledged++;
    };
    receiver.onRead = sender.onRead = () => this.next();
  }

  /** Sends as many as there is room for, in one write. */
  next(): void {
    const { acknowledged, inFlight } = this.#settings;
    const done = acknowledged ? Math.min(this.#delivered, this.#acknowledged) : this.#delivered;
    let frames = "";
    while (this.#sent - done < inFlight) {
      this.#times.push(performance.now());
      frames += `${this.#prefix}${this.#sent++}"}\n`;
    }
    if (frames !== "") this.#sender.send(frames);
  }
}

await serve(async (settings: PairsSettings) => {
  const gauge = new Gauge();
  const pairs = await Promise.all(settings.pairs.map(async ([from, to], index) => {
    const clients = await Promise.all([
      Counter.logIn(settings.ports[0], from),
      Counter.logIn(settings.ports[1], to),
    ]);
    const confirmer = settings.receipts ? confirmerOf(clients[1], { pair: [from, to], index }) : undefined;
    return new Pair(clients, { to, gauge, settings }, confirmer);
  }));
  for (const pair of pairs) pair.next();
  return { mark: () => gauge.read() };
});
