import { Counter, numberIn } from "./counter.ts";
import { Gauge } from "./gauge.ts";
import { serve } from "./worker.ts";

/**
 * A group all of whose members are online. Some send in a closed loop: a message is done when every other member has
 * it and its sender has the acknowledgement. Its latency is the time until the last delivery; it counts as so many
 * deliveries.
 */
export interface GroupSettings {
  /** The members connect to these in turn. */
  readonly ports: readonly number[];
  readonly group: number;
  /** Ids of the members; the first of them send. */
  readonly members: readonly number[];
  readonly senders: number;
  readonly inFlight: number;
}

interface Sender {
  readonly client: Counter;
  /** Its messages that are not acknowledged yet; the server does so in order. */
  readonly unacknowledged: number[];
}

interface Underway {
  readonly sender: Sender;
  readonly began: number;
  /** Deliveries that are still to come. */
  deliveries: number;
  acknowledged: boolean;
}

class Group {
  readonly #settings: GroupSettings;
  readonly #gauge: Gauge;
  readonly #underway = new Map<number, Underway>();
  /** Numbers that no earlier run has used: what is left of that one is no message of this one. */
  #number = Date.now() * 1000;

  constructor(settings: GroupSettings, gauge: Gauge) {
    this.#settings = settings;
    this.#gauge = gauge;
  }

  async begin(): Promise<void> {
    const { ports, members, senders, inFlight } = this.#settings;
    const clients = await Promise.all(
      members.map((user, i) => Counter.logIn(ports[i % ports.length]!, user)),
    );
    for (const client of clients) client.onFrame = (msgid, frame) => this.#deliver(msgid, frame);
    for (const client of clients.slice(0, senders)) {
      const sender: Sender = { client, unacknowledged: [] };
      client.onFrame = (msgid, frame) =>
        msgid === 12 ? this.#acknowledge(sender) : this.#deliver(msgid, frame);
      for (let i = 0; i < inFlight; i++) this.#send(sender);
    }
  }

  #send(sender: Sender): void {
    const { group, members } = this.#settings;
    const number = this.#number++;
    const began = performance.now();
    this.#underway.set(number, { sender, began, deliveries: members.length - 1, acknowledged: false });
    sender.unacknowledged.push(number);
    sender.client.send(
      `{"msgid":11,"groupid":${group},"msg":"hello, how are you today? #${number};","mid":"${number}"}\n`,
    );
  }

  #deliver(msgid: number, frame: Uint8Array): void {
    if (msgid !== 11) return;
    const number = numberIn(frame);
    const message = this.#underway.get(number);
    if (message === undefined || --message.deliveries > 0) return;
    this.#gauge.add(performance.now() - message.began, this.#settings.members.length - 1);
    if (message.acknowledged) this.#next(number, message);
  }

  #acknowledge(sender: Sender): void {
    const number = sender.unacknowledged.shift()!;
    const message = this.#underway.get(number)!;
    message.acknowledged = true;
    if (message.deliveries === 0) this.#next(number, message);
  }

  #next(number: number, { sender }: Underway): void {
    this.#underway.delete(number);
    this.#send(sender);
  }
}

await serve(async (settings: GroupSettings) => {
  const gauge = new Gauge();
  await new Group(settings, gauge).begin();
  return { mark: () => gauge.read() };
});
