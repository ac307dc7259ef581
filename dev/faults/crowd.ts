import { pause } from "./fault.ts";
import { Wire } from "../e2e/wire.ts";
import { type ClientParts, ModelClient, type Target } from "./client.ts";
import type { Random } from "./random.ts";
import { pairOf } from "./pair.ts";
import { MSG } from "./wire_frame.ts";

const USERS = 24;
const GROUPS = 4;
const GROUP_SIZE = 6;
/** Whom a user writes to, beside the groups. */
const FRIENDS = 4;
/** How long a user thinks between two messages, on average, in ms. */
const THINK = 150;
/** Nobody types on when so many of their messages wait. */
const MAX_UNSENT = 40;
const TO_GROUP = 0.2;
const SIZE = { usual: 200, large: 8000, chanceOfLarge: 0.02 } as const;

export type CrowdParts = Omit<ClientParts, "id" | "token">;

interface User {
  readonly client: ModelClient;
  readonly friends: readonly Target[];
  readonly groups: readonly Target[];
}

/** Somebody who has registered, and the connection on which they did. */
interface Account {
  readonly id: number;
  readonly token: string;
  readonly wire: Wire;
}

/** Everybody who uses the cluster: some write to each other, some in groups, without pause. */
export class Crowd implements AsyncDisposable {
  readonly #users: readonly User[];
  readonly #random: Random;
  readonly #members = new Map<string, readonly number[]>();
  #talking: ReturnType<typeof setTimeout> | undefined;

  private constructor(
    users: readonly User[],
    groups: ReadonlyMap<string, readonly number[]>,
    random: Random,
  ) {
    this.#users = users;
    this.#random = random;
    for (const [conv, members] of groups) this.#members.set(conv, members);
  }

  /** Registers users and groups, and logs everybody in. */
  static async gather(parts: CrowdParts): Promise<Crowd> {
    const { random } = parts;
    const wires: Wire[] = [];
    try {
      const accounts: Account[] = [];
      for (let i = 0; i < USERS; i++) {
        const wire = await Wire.connect(parts.port);
        wires.push(wire);
        const name = `user ${i}`;
        const { id } = await wire.ask({ msgid: MSG.REGISTER, name, password: "secret" }, MSG.REGISTER_ACK);
        const ack = await wire.ask({ msgid: MSG.LOGIN, v: 2, id, password: "secret" }, MSG.LOGIN_ACK);
        accounts.push({ id: Number(id), token: String(ack.token), wire });
      }
      const groups = new Map<string, readonly number[]>();
      for (let i = 0; i < GROUPS; i++) {
        const members = random.shuffled(accounts).slice(0, GROUP_SIZE);
        const request = { msgid: MSG.CREATE_GROUP, groupname: `group ${i}`, groupdesc: "" };
        const { groupid } = await members[0]!.wire.ask(request, MSG.CREATE_GROUP_ACK);
        for (const { wire } of members.slice(1)) {
          await wire.ask({ msgid: MSG.JOIN_GROUP, groupid }, MSG.JOIN_GROUP_ACK);
        }
        groups.set(`g${groupid}`, members.map(({ id }) => id));
      }
      const friends = new Map(accounts.map((account) => {
        const others = accounts.filter((other) => other !== account);
        return [account.id, random.shuffled(others).slice(0, FRIENDS)];
      }));
      await befriend(accounts, friends);
      // Receipts gather for a moment, and are told to whoever is logged in then.
      await pause(RECEIPTS_GATHER);
      const users = accounts.map(({ id, token }): User => ({
        client: new ModelClient({ ...parts, id, token, random: random.fork() }),
        friends: friends.get(id)!.map((other) => ({ conv: pairOf(id, other.id), toid: other.id })),
        groups: [...groups].filter(([, members]) => members.includes(id))
          .map(([conv]) => ({ conv, groupid: Number(conv.slice(1)) })),
      }));
      for (const { client } of users) client.start();
      return new Crowd(users, groups, random.fork());
    } finally {
      for (const wire of wires) await wire[Symbol.asyncDispose]();
    }
  }

  get clients(): readonly ModelClient[] {
    return this.#users.map(({ client }) => client);
  }

  get(id: number): ModelClient | undefined {
    return this.#users.find(({ client }) => client.id === id)?.client;
  }

  /** Who may read a conversation. */
  readers(conv: string): readonly number[] {
    return this.#members.get(conv) ?? conv.slice(1).split("-").map(Number);
  }

  /** Of these conversations, those that a user may read. */
  conversationsOf(user: number, all: Iterable<string>): string[] {
    return [...all].filter((conv) => this.readers(conv).includes(user));
  }

  /** Everybody begins to write. */
  talk(): void {
    const next = () => {
      this.#write(this.#random.pick(this.#users));
      this.#talking = setTimeout(next, -Math.log(1 - this.#random.next()) * THINK / this.#users.length);
    };
    next();
  }

  /** Everybody writes one message at the same instant. */
  shout(): void {
    for (const user of this.#users) this.#write(user);
  }

  /** Nobody writes any more. */
  hush(): void {
    clearTimeout(this.#talking);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hush();
    await Promise.all(this.clients.map((client) => client.stop()));
  }

  #write(user: User): void {
    if (user.client.unsent >= MAX_UNSENT || user.client.suspended) return;
    const size = this.#random.chance(SIZE.chanceOfLarge) ? SIZE.large : SIZE.usual;
    user.client.write(this.#target(user), this.#random.between(0, size));
  }

  #target({ friends, groups }: User): Target {
    return groups.length > 0 && this.#random.chance(TO_GROUP)
      ? this.#random.pick(groups)
      : this.#random.pick(friends);
  }
}

/** For how long receipts gather before they are told, and some time for the way, in ms. */
const RECEIPTS_GATHER = 500;

/** Whom somebody writes to becomes their friend: friends are told who is online. */
async function befriend(
  accounts: readonly Account[],
  friends: ReadonlyMap<number, readonly Account[]>,
): Promise<void> {
  const done = new Set<string>();
  for (const { id, wire } of accounts) {
    for (const other of friends.get(id) ?? []) {
      const pair = pairOf(id, other.id);
      if (done.has(pair)) continue;
      done.add(pair);
      const mid = `friend-${id}-${other.id}`;
      await wire.ask({ msgid: MSG.FRIEND_REQUEST, friendid: other.id, mid }, MSG.MESSAGE_ACK);
      await other.wire.ask({ msgid: MSG.FRIEND_RESPONSE, friendid: id, flag: true, mid }, MSG.MESSAGE_ACK);
      const { conv, seq } = await wire.next(MSG.FRIEND_RESPONSE);
      // Their clients begin after that: nobody is pushed what they said themselves.
      for (const one of [wire, other.wire]) {
        await one.send({ msgid: MSG.RECEIPT, conv, seq, kind: "delivered" });
        await one.settle();
      }
    }
  }
}
