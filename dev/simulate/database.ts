import { groupConv, parseConv } from "../../server/protocol/conversation.ts";
import type { Effect } from "../../server/protocol/kinds.ts";
import type { LogMessage, Role } from "../../server/protocol/messages.ts";
import type { Between, Standing } from "../../server/protocol/standing.ts";
import { LeaseTables } from "./leases.ts";
import { type Facts, plan, type Row, runs } from "../../server/stores/plan.ts";
import {
  type Account,
  type Appended,
  type Behind,
  type Cluster,
  type CursorMove,
  type DeviceRow,
  type FriendRow,
  type GroupLimits,
  type GroupRow,
  type Joined,
  MAX_DEVICES,
  MAX_REACTIONS,
  MAX_TOKENS,
  type MemberRow,
  type NewGroup,
  type NewMessage,
  type NewToken,
  type Page,
  type Pulse,
  type Reaction,
  type TokenOwner,
  type UserDevice,
} from "../../server/stores/store.ts";
import type { Progress } from "../../server/protocol/messages.ts";

interface Member {
  readonly joined: number;
  /** To the nameless device. */
  delivered: number;
  read: number;
}

/** A device that has a name. */
interface Device {
  readonly device: string;
  client: string;
  seen: number;
  /** By conversation. */
  readonly delivered: Map<string, number>;
}

interface Group {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  readonly members: Map<number, Role>;
}

/**
 * The tables of a database in memory, and what is asked of them: each method is one transaction. All is plain data and
 * nothing here knows of faults, clocks or nodes, so that the same calls in the same order lead to the same tables.
 */
export class Tables {
  cluster: Cluster;
  readonly #accounts: Account[] = [];
  readonly #byName = new Map<string, Account>();
  readonly #skeletons = new Set<string>();
  readonly #seen = new Map<number, number>();
  #tokens: NewToken[] = [];
  readonly #devices = new Map<number, Map<string, Device>>();
  readonly #friends = new Map<number, number[]>();
  /** `asker asked` */
  readonly #requests = new Set<string>();
  /** `emoji user` by `conv seq` */
  readonly #reactions = new Map<string, Set<string>>();
  readonly #groups: Group[] = [];
  readonly #logs = new Map<string, LogMessage[]>();
  readonly #members = new Map<string, Map<number, Member>>();
  readonly #byMid = new Map<string, LogMessage>();
  readonly leases = new LeaseTables();

  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  renameLog({ old, name }: { old: string; name: string }): string {
    if (this.cluster.log === old) this.cluster = { ...this.cluster, log: name };
    return this.cluster.log;
  }

  createAccount(
    name: string,
    password: string,
    { skeleton }: { skeleton?: string } = {},
  ): number | undefined {
    if (this.#byName.has(name) || (skeleton !== undefined && this.#skeletons.has(skeleton))) return undefined;
    if (skeleton !== undefined) this.#skeletons.add(skeleton);
    const account = { id: this.#accounts.length + 1, name, password };
    this.#accounts.push(account);
    this.#byName.set(name, account);
    return account.id;
  }

  account(by: { readonly id: number } | { readonly name: string }): Account | undefined {
    return "id" in by ? this.#accounts[by.id - 1] : this.#byName.get(by.name);
  }

  setPassword(user: number, password: string): void {
    const old = this.#accounts[user - 1];
    if (!old) return;
    const account = { ...old, password };
    this.#accounts[user - 1] = account;
    this.#byName.set(account.name, account);
  }

  addToken(token: NewToken, now: number): void {
    const mine = [...this.#tokens, token].filter((one) => isOf(one, token) && one.expires > now)
      .sort((a, b) => b.expires - a.expires).slice(0, MAX_TOKENS);
    this.#tokens = [...this.#tokens.filter((one) => !isOf(one, token)), ...mine];
  }

  token(hash: string, now: number): TokenOwner | undefined {
    const token = this.#tokens.find((token) => token.hash === hash && token.expires > now);
    const account = token && this.#accounts[token.user - 1];
    return account &&
      { id: account.id, name: account.name, device: token.device, expires: token.expires };
  }

  removeTokens(owner: UserDevice): void {
    this.#tokens = this.#tokens.filter((token) => !isOf(token, owner));
  }

  /** Whether the device is known now: not if its user has too many others. */
  enterDevice({ user, device, client, seen }: UserDevice & DeviceRow): boolean {
    const devices = this.#devices.get(user) ?? new Map<string, Device>();
    const known = devices.get(device);
    if (known) {
      known.client = client;
      known.seen = Math.max(known.seen, seen);
      return true;
    }
    if (devices.size >= MAX_DEVICES) return false;
    const delivered = new Map(this.conversations(user).map(({ conv, read }) => [conv, read]));
    this.#devices.set(user, devices.set(device, { device, client, seen, delivered }));
    return true;
  }

  leaveDevice({ user, device, seen }: UserDevice & Pick<DeviceRow, "seen">): void {
    const known = this.#devices.get(user)?.get(device);
    if (known) known.seen = Math.max(known.seen, seen);
  }

  devices(user: number): DeviceRow[] {
    return [...this.#devices.get(user)?.values() ?? []]
      .map(({ device, client, seen }) => ({ device, client, seen }))
      .sort((a, b) => a.device < b.device ? -1 : 1);
  }

  forgetDevice(device: UserDevice): void {
    this.removeTokens(device);
    this.#devices.get(device.user)?.delete(device.device);
  }

  setSeen(users: readonly { user: number; seen: number }[]): void {
    for (const { user, seen } of users) this.#seen.set(user, Math.max(seen, this.#seen.get(user) ?? 0));
  }

  requests(user: number): { id: number; name: string }[] {
    return this.#accounts.filter(({ id }) => this.#requests.has(`${id} ${user}`))
      .map(({ id, name }) => ({ id, name }));
  }

  friends(user: number): FriendRow[] {
    return (this.#friends.get(user) ?? []).toReversed()
      .map((id) => ({ id, name: this.#nameOf(id), seen: this.#seen.get(id) ?? 0 }));
  }

  groups(user: number, limit = Infinity): GroupRow[] {
    return this.#groups.filter(({ members }) => members.has(user)).toReversed().slice(0, limit)
      .map(({ id }) => this.group(id, user)!);
  }

  group(id: number, user: number): GroupRow | undefined {
    const { name, description, members } = this.#groups[id - 1] ?? {};
    const role = members?.get(user);
    if (name === undefined || description === undefined || !members || !role) return undefined;
    return { id, name, description, role, size: members.size };
  }

  members(id: number, { after, limit }: { after: number; limit: number }): MemberRow[] {
    return [...this.#groups[id - 1]?.members ?? []].filter(([user]) => user > after)
      .sort(([a], [b]) => a - b).slice(0, limit)
      .map(([user, role]) => ({ id: user, name: this.#nameOf(user), role, joined: 0, muted: 0 }));
  }

  createGroup({ name, description, creator }: NewGroup, limits?: GroupLimits): number | undefined {
    if (limits && this.groups(creator).length >= limits.groups) return undefined;
    const id = this.#groups.length + 1;
    this.#groups.push({ id, name, description, members: new Map([[creator, "creator"]]) });
    this.#logs.set(groupConv(id), []);
    this.#enter(groupConv(id), creator);
    return id;
  }

  joinGroup(id: number, user: number, limits?: GroupLimits): Joined {
    const group = this.#groups[id - 1];
    if (!group) return "no_group";
    if (group.members.has(user)) return "already";
    if (limits && group.members.size >= limits.members) return "group_full";
    if (limits && this.groups(user).length >= limits.groups) return "groups_full";
    group.members.set(user, "normal");
    return { joined: this.#enter(groupConv(id), user) };
  }

  groupExists(id: number): boolean {
    return this.#groups[id - 1] !== undefined;
  }

  /** The newest number of a conversation; undefined if it has not begun. */
  newest(conv: string): number | undefined {
    return this.#logs.get(conv)?.length;
  }

  append(entries: readonly NewMessage[], at: number): readonly Appended[] {
    return runs(entries).flatMap((run) => {
      const { outcomes, rows } = plan(run, { facts: this.#facts, at });
      for (const row of rows) this.#write(row);
      return outcomes;
    });
  }

  #write(row: Row<NewMessage>): void {
    const { entry, message, begins, effects } = row;
    if (begins) {
      this.#logs.set(entry.conv, []);
      for (const user of [entry.sender, entry.to!]) this.#enter(entry.conv, user);
    }
    this.#logs.get(entry.conv)!.push(message);
    if (message.mid !== null) this.#byMid.set(`${message.sender} ${message.mid}`, message);
    for (const effect of effects) this.#effects[effect](row);
  }

  readonly #facts: Facts = {
    newest: (conv) => this.newest(conv),
    stored: ({ sender, mid }) => mid === null ? undefined : this.#byMid.get(`${sender} ${mid}`),
    isUser: (id) => this.#accounts[id - 1] !== undefined,
    standing: (entry) => this.#standing(entry),
  };

  readonly #effects: Readonly<Record<Effect, (row: Row<NewMessage>) => void>> = {
    ask: ({ entry: { sender, to } }) => this.#requests.add(`${sender} ${to}`),
    answer: ({ entry: { sender, to } }) => this.#requests.delete(`${to} ${sender}`),
    befriend: ({ entry: { sender, to } }) => this.#befriend(sender, to!),
    unfriend: ({ entry: { sender, to } }) => {
      for (const [one, other] of [[sender, to!], [to!, sender]] as const) {
        this.#friends.set(one, (this.#friends.get(one) ?? []).filter((id) => id !== other));
      }
    },
    rewrite: ({ message: { conv, ref, body, at } }) => this.#change(conv, ref!, { body, edited: at }),
    erase: ({ message: { conv, ref } }) => {
      const edits = this.#logs.get(conv)!.filter((entry) => entry.kind === "edit" && entry.ref === ref);
      for (const seq of [ref!, ...edits.map(({ seq }) => seq)]) this.#change(conv, seq, { body: "" });
      this.#reactions.delete(`${conv} ${ref}`);
    },
    react: ({ message: { conv, ref, sender }, entry: { fields } }) => {
      const key = `${conv} ${ref}`;
      const reactions = this.#reactions.get(key) ?? new Set<string>();
      if (fields!.on) reactions.add(`${fields!.emoji} ${sender}`);
      else reactions.delete(`${fields!.emoji} ${sender}`);
      this.#reactions.set(key, reactions);
    },
  };

  #change(conv: string, seq: number, now: { body: string; edited?: number }): void {
    const log = this.#logs.get(conv)!;
    const { edited: _, ...old } = log[seq - 1]!;
    const message = { ...old, ...now };
    log[seq - 1] = message;
    if (message.mid !== null) this.#byMid.set(`${message.sender} ${message.mid}`, message);
  }

  #standing({ conv, sender, to, ref, fields }: NewMessage): Standing {
    const about = parseConv(conv);
    const group = about?.kind === "group" ? this.#groups[about.group - 1] : undefined;
    const role = group?.members.get(sender);
    const entry = ref === undefined ? undefined : this.#logs.get(conv)?.[ref - 1];
    return {
      between: this.#between(sender, to ?? 0),
      mostFriends: Math.max(...[sender, to ?? 0].map((user) => this.#friends.get(user)?.length ?? 0)),
      member: role && { role, joined: this.membership(conv, sender)!.joined },
      target: fields?.userid === undefined ? undefined : { role: group?.members.get(fields.userid) },
      entry: entry && { kind: entry.kind, sender: entry.sender, at: entry.at, recalled: entry.body === "" },
    };
  }

  read({ conv, after, before, limit, maxSize = Infinity }: Page): LogMessage[] {
    const log = this.#logs.get(conv) ?? [];
    const end = Math.min(Math.max(0, (before ?? 0) - 1), log.length);
    const found = before === undefined
      ? log.slice(after ?? 0, (after ?? 0) + limit)
      : log.slice(Math.max(0, end - limit), end).reverse();
    const page: LogMessage[] = [];
    let size = 0;
    for (const message of found) {
      if (page.length > 0 && size + message.body.length > maxSize) break;
      size += message.body.length;
      page.push({ ...message, senderName: this.#nameOf(message.sender) });
    }
    return before === undefined ? page : page.reverse();
  }

  reactions({ conv, from, to }: { conv: string; from: number; to: number }): Reaction[] {
    return Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i).flatMap((seq) =>
      [...this.#reactions.get(`${conv} ${seq}`) ?? []].sort().slice(0, MAX_REACTIONS).map((reaction) => {
        const [emoji = "", user] = reaction.split(" ");
        return { seq, emoji, user: Number(user) };
      })
    );
  }

  conversations(user: number, device = ""): Progress[] {
    const found: Progress[] = [];
    const named = this.#devices.get(user)?.get(device);
    if (device !== "" && !named) return found;
    for (const [conv, members] of this.#members) {
      const member = members.get(user);
      if (!member) continue;
      const { joined, read } = member;
      const delivered = named ? Math.max(joined, named.delivered.get(conv) ?? 0) : member.delivered;
      found.push({ conv, seq: this.newest(conv)!, delivered, read });
    }
    return found.sort((a, b) => a.conv < b.conv ? -1 : 1);
  }

  conversationsOf({ user, device }: UserDevice, convs: readonly string[]): Progress[] {
    return this.conversations(user, device).filter(({ conv }) => convs.includes(conv));
  }

  conversationPage(
    { user, device }: UserDevice,
    { after, limit }: { after: string; limit: number },
  ): Progress[] {
    return this.conversations(user, device).filter(({ conv }) => conv > after).slice(0, limit);
  }

  /** Every conversation with all of its entries. */
  logs(): ReadonlyMap<string, readonly LogMessage[]> {
    return this.#logs;
  }

  membership(conv: string, user: number): { joined: number } | undefined {
    const member = this.#members.get(conv)?.get(user);
    return member && { joined: member.joined };
  }

  behind(devices: readonly UserDevice[]): Behind[] {
    return devices.flatMap(({ user, device }) =>
      this.conversations(user, device).filter(({ seq, delivered }) => seq > delivered)
        .map(({ conv, seq, delivered }) => ({ user, device, conv, seq, delivered }))
    );
  }

  moveCursors(moves: readonly CursorMove[]): void {
    for (const { user, device, conv, delivered = 0, read = 0 } of moves) {
      const member = this.#members.get(conv)?.get(user);
      if (!member) continue;
      const newest = this.newest(conv)!;
      const named = this.#devices.get(user)?.get(device);
      const bounded = Math.min(delivered, newest);
      if (device === "") member.delivered = Math.max(member.delivered, bounded);
      else named?.delivered.set(conv, Math.max(named.delivered.get(conv) ?? 0, bounded));
      member.read = Math.max(member.read, Math.min(read, newest));
    }
  }

  beat(node: string): Pulse {
    const beat = this.leases.beat(node);
    return { ours: beat !== undefined, nodes: this.leases.nodes, log: this.cluster.log };
  }

  #nameOf(id: number): string {
    return this.#accounts[id - 1]?.name ?? "";
  }

  #enter(conv: string, user: number): number {
    const joined = this.newest(conv)!;
    const members = this.#members.get(conv) ?? new Map<number, Member>();
    if (!members.has(user)) members.set(user, { joined, delivered: joined, read: joined });
    this.#members.set(conv, members);
    return joined;
  }

  #befriend(a: number, b: number): void {
    this.#requests.delete(`${a} ${b}`);
    this.#requests.delete(`${b} ${a}`);
    for (const [one, other] of [[a, b], [b, a]] as const) {
      const friends = this.#friends.get(one) ?? [];
      if (!friends.includes(other)) this.#friends.set(one, [...friends, other]);
    }
  }

  #between(sender: number, to: number): Between {
    return {
      friends: (this.#friends.get(sender) ?? []).includes(to),
      asked: this.#requests.has(`${sender} ${to}`),
      wanted: this.#requests.has(`${to} ${sender}`),
    };
  }
}

const keyOf = ({ user, device }: UserDevice) => `${user} ${device}`;
const isOf = (one: UserDevice, other: UserDevice) => keyOf(one) === keyOf(other);

/** What changes tables. */
type Write = (tables: Tables) => unknown;

/** A database that many nodes use: one call after the other, and sometimes it fails over to a copy that has less. */
export class Database {
  readonly #cluster: Cluster;
  readonly #writes: Write[] = [];
  #tables: Tables;
  #copies = 0;
  /** The first writes, which every copy has. */
  #base = 0;
  /** Nobody reaches it. */
  away = false;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#tables = new Tables(cluster);
  }

  /** Which copy it is by now: after each failover another one. */
  get copy(): number {
    return this.#copies;
  }

  get tables(): Tables {
    return this.#tables;
  }

  write<T>(run: (tables: Tables) => T): T {
    this.#writes.push(run);
    return run(this.#tables);
  }

  /** Every copy has what was written so far. */
  keep(): void {
    this.#base = this.#writes.length;
  }

  /** Goes on with a copy that lacks the last `lost` writes. */
  failOver(lost: number): void {
    this.#copies++;
    this.#writes.splice(Math.max(this.#base, this.#writes.length - lost));
    this.#tables = new Tables(this.#cluster);
    for (const write of this.#writes) write(this.#tables);
  }
}
