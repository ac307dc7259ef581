import { delay } from "@std/async/delay";
import { Msg } from "../../server/protocol/msgid.ts";
import { Random } from "../faults/random.ts";
import { LineSocket } from "../faults/socket.ts";
import { textOf } from "./text.ts";

/** Somebody who writes. */
export interface Person {
  readonly id: number;
  readonly name: string;
  readonly password: string;
}

export interface LoadOptions {
  readonly random: Random;
  /** How many are sent. It ends when all are acknowledged. */
  readonly messages: number;
  readonly progress: (acknowledged: number) => void;
  /** Ends it at once: {@linkcode load} rejects. */
  readonly signal?: AbortSignal | undefined;
}

/** For each person how many messages may wait for their acknowledgement: small commits, and larger ones. */
const AT_ONCE = [1, 1, 1, 4] as const;
/** Between rounds everybody rests for so long, in ms: the server files messages a second after they came. */
const REST = 1300;
const ROUNDS = 2;
/** Every how many received messages a receipt is sent. */
const RECEIPT_EVERY = 10;
/** How long an answer may take, in ms. */
const PATIENCE = 30_000;
/** Characters of a message: mostly a page holds many; some need pages of their own. */
const LENGTHS = [
  { share: 0.8, least: 20, most: 300 },
  { share: 0.18, least: 300, most: 4000 },
  { share: 0.02, least: 4000, most: 30_000 },
] as const;

/** A few people write to each other and to a group. Resolves to them and the group when all is acknowledged. */
export async function load(
  port: number,
  options: LoadOptions,
): Promise<{ people: Person[]; group: number }> {
  const people: Person[] = [];
  for (const i of AT_ONCE.keys()) people.push(await register(port, `person ${i}`));
  const total = { acknowledged: 0, left: 0, progress: options.progress };
  const writers = await Promise.all(
    people.map((person, i) =>
      Writer.logIn(port, { person, atOnce: AT_ONCE[i]!, random: options.random.fork(), total })
    ),
  );
  options.signal?.addEventListener("abort", () => writers.forEach((writer) => writer.close()));
  options.signal?.throwIfAborted();
  try {
    const group = await writers[0]!.createGroup();
    for (const writer of writers.slice(1)) await writer.joinGroup(group);
    for (let round = 0; round < ROUNDS; round++) {
      if (round > 0) await delay(REST);
      total.left = Math.ceil(options.messages / ROUNDS);
      await Promise.all(writers.map((writer) => writer.write({ people, group })));
    }
    return { people, group };
  } finally {
    for (const writer of writers) writer.close();
  }
}

async function register(port: number, name: string): Promise<Person> {
  const answer = Promise.withResolvers<Frame>();
  const socket = await LineSocket.dial(port, (_, line) => answer.resolve(JSON.parse(line)));
  const password = `pw ${name}`;
  socket.send({ msgid: Msg.REGISTER, name, password });
  const { id, errmsg } = await inTime(Promise.race([answer.promise, closed(socket)]));
  socket.close();
  if (id === undefined) throw new Error(`${name} could not be registered: ${errmsg}`);
  return { id, name, password };
}

interface Frame {
  readonly msgid: number;
  readonly errno?: number;
  readonly errmsg?: string;
  readonly id?: number;
  readonly groupid?: number;
  readonly conv?: string;
  readonly seq?: number;
}

/** What the writers have in common. */
interface Total {
  acknowledged: number;
  /** Messages that are still to be sent. */
  left: number;
  readonly progress: (acknowledged: number) => void;
}

interface WriterParts {
  readonly person: Person;
  readonly atOnce: number;
  readonly random: Random;
  readonly total: Total;
}

/** A client that is logged in and writes as fast as it is acknowledged. */
class Writer {
  readonly #person: Person;
  readonly #atOnce: number;
  readonly #random: Random;
  readonly #total: Total;
  #socket!: LineSocket;
  #answer = Promise.withResolvers<Frame>();
  #done = Promise.withResolvers<void>();
  #next: (() => void) | undefined;
  #written = 0;
  #waiting = 0;
  #received = 0;

  static async logIn(port: number, parts: WriterParts): Promise<Writer> {
    const writer = new Writer(parts);
    writer.#socket = await LineSocket.dial(port, (_, line) => writer.#take(JSON.parse(line)));
    const { id, password } = parts.person;
    await writer.#ask({ msgid: Msg.LOGIN, v: 2, id, password });
    return writer;
  }

  private constructor({ person, atOnce, random, total }: WriterParts) {
    this.#person = person;
    this.#atOnce = atOnce;
    this.#random = random;
    this.#total = total;
  }

  async createGroup(): Promise<number> {
    const { groupid } = await this.#ask({ msgid: Msg.CREATE_GROUP, groupname: "all", groupdesc: "" });
    return groupid!;
  }

  async joinGroup(groupid: number): Promise<void> {
    await this.#ask({ msgid: Msg.JOIN_GROUP, groupid });
  }

  /** Writes until enough was sent by all; resolves when this one's messages are acknowledged. */
  async write({ people, group }: { people: readonly Person[]; group: number }): Promise<void> {
    const others = people.filter(({ id }) => id !== this.#person.id);
    this.#done = Promise.withResolvers();
    this.#next = () => {
      while (this.#waiting < this.#atOnce && this.#total.left > 0) {
        this.#send(this.#random.chance(0.3) ? { groupid: group } : { toid: this.#random.pick(others).id });
      }
      if (this.#waiting === 0) this.#done.resolve();
    };
    this.#next();
    await inTime(Promise.race([this.#done.promise, closed(this.#socket)]), 20 * PATIENCE);
  }

  close(): void {
    this.#socket.close();
  }

  #send(to: { groupid: number } | { toid: number }): void {
    const mid = `${this.#person.id}-${++this.#written}`;
    const msg = textOf(mid, this.#length());
    this.#total.left--;
    this.#waiting++;
    this.#socket.send({ msgid: "toid" in to ? Msg.CHAT : Msg.GROUP_CHAT, ...to, msg, mid });
  }

  #length(): number {
    let share = this.#random.next();
    const range = LENGTHS.find((range) => (share -= range.share) < 0) ?? LENGTHS[0];
    return this.#random.between(range.least, range.most);
  }

  async #ask(what: object): Promise<Frame> {
    this.#answer = Promise.withResolvers();
    this.#socket.send(what);
    const answer = await inTime(Promise.race([this.#answer.promise, closed(this.#socket)]));
    if (answer.errno !== 0) throw new Error(`the server refused ${JSON.stringify(what)}: ${answer.errmsg}`);
    return answer;
  }

  #take(frame: Frame): void {
    switch (frame.msgid) {
      case Msg.LOGIN_ACK:
      case Msg.CREATE_GROUP_ACK:
      case Msg.JOIN_GROUP_ACK:
        return this.#answer.resolve(frame);
      case Msg.MESSAGE_ACK:
        this.#waiting--;
        this.#total.progress(++this.#total.acknowledged);
        return this.#next?.();
      case Msg.CHAT:
      case Msg.GROUP_CHAT:
        if (++this.#received % RECEIPT_EVERY !== 0) return;
        return this.#socket.send({
          ...{ msgid: Msg.RECEIPT, conv: frame.conv, seq: frame.seq },
          kind: this.#random.pick(["delivered", "read"]),
        });
      case Msg.PING:
        return this.#socket.send({ msgid: Msg.PONG });
      case Msg.ERROR:
        if (this.#next === undefined) return this.#answer.resolve(frame);
        return this.#done.reject(new Error(`the server refused a message: ${frame.errno} ${frame.errmsg}`));
    }
  }
}

async function closed(socket: LineSocket): Promise<never> {
  await socket.closed;
  throw new Error("the server closed a connection of the load");
}

async function inTime<T>(promise: Promise<T>, patience = PATIENCE): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer from the server in ${patience / 1000} s`)),
      patience,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
