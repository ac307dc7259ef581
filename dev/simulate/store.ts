import {
  type Appended,
  type Cluster,
  type NewMessage,
  type Store,
  StoreUnavailable,
} from "../../server/stores/store.ts";
import type { LogMessage } from "../../server/protocol/messages.ts";
import type { Database, Tables } from "./database.ts";
import { search } from "./search.ts";
import type { Machine, World } from "./world.ts";

/** What becomes of calls, as the port allows. Each is a probability. */
export interface StoreFaults {
  /** The call fails, and nothing was done. */
  readonly before: number;
  /** The call fails, although everything was done. */
  readonly after: number;
  /** The call takes up to {@linkcode LONG}. */
  readonly slow: number;
}

const LONG = 6000;
/** How long a call takes to find out that nobody answers, in ms. */
const UNREACHABLE = 300;
/** What the adapter gives up after, in ms. */
const PATIENCE = 10_000;

type Run<T> = (tables: Tables) => T;

interface Waiting {
  readonly message: NewMessage;
  /** Which history of the log it belongs to, see {@linkcode SimulatedStore}. */
  readonly history: number;
  readonly resolve: (outcome: Appended) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The store as one node sees it: a database behind a line that fails. It keeps the port's promises and no others: a call
 * may take long, fail before or after it was carried out, and appends to different conversations overtake each other.
 *
 * As the real ones it compares a database that it comes back to with what it knows to be committed. If that is less, the
 * log gets another name, and what was to be appended to the one before is refused.
 */
export class SimulatedStore {
  readonly store: Store;
  readonly #world: World;
  readonly #machine: Machine;
  readonly #database: Database;
  readonly #faults: () => StoreFaults;
  readonly #onOlder: () => void;
  /** Entries that wait for those before them, by conversation. */
  readonly #waiting = new Map<string, Waiting[]>();
  /** The newest entries that are known to be committed, by conversation. */
  readonly #known = new Map<string, LogMessage>();
  #copy: number;
  #history = 0;
  #log: string;
  /** The names that the log had before. */
  readonly #former = new Set<string>();
  #closed = false;
  #underWay = 0;
  #idle: (() => void)[] = [];

  constructor(
    world: World,
    { machine, database, faults, onOlder }: {
      machine: Machine;
      database: Database;
      faults: () => StoreFaults;
      onOlder: () => void;
    },
  ) {
    this.#world = world;
    this.#machine = machine;
    this.#database = database;
    this.#faults = faults;
    this.#onOlder = onOlder;
    this.#copy = database.copy;
    this.#log = database.tables.cluster.log;
    this.store = this.#make();
  }

  #make(): Store {
    const read = <T>(run: Run<T>) => this.#asked("read", run);
    const write = <T>(run: Run<T>) => this.#asked("write", run);
    return {
      accounts: {
        create: (name, password, options) => write((tables) => tables.createAccount(name, password, options)),
        find: (by) => read((tables) => tables.account(by)),
        setPassword: (user, password) => write((tables) => tables.setPassword(user, password)),
        addToken: (token, now) => write((tables) => tables.addToken(token, now)),
        findToken: (hash, now) => read((tables) => tables.token(hash, now)),
        setSeen: (users) => write((tables) => tables.setSeen(users)),
        removeTokens: (owner) => write((tables) => tables.removeTokens(owner)),
      },
      devices: {
        enter: async (device) => {
          const before = await read((tables) => tables.devices(device.user));
          return { isFull: !await write((tables) => tables.enterDevice(device)), before };
        },
        leave: (device) => write((tables) => tables.leaveDevice(device)),
        list: (user) => read((tables) => tables.devices(user)),
        forget: (device) => write((tables) => tables.forgetDevice(device)),
      },
      social: {
        friends: (user) => read((tables) => tables.friends(user)),
        requests: (user) => read((tables) => tables.requests(user)),
        groups: (user, limit) => read((tables) => tables.groups(user, limit)),
        group: (group, user) => read((tables) => tables.group(group, user)),
        members: (group, page) => read((tables) => tables.members(group, page)),
        createGroup: (group, limits) => write((tables) => tables.createGroup(group, limits)),
        joinGroup: (id, user, limits) => write((tables) => tables.joinGroup(id, user, limits)),
        groupExists: (group) => read((tables) => tables.groupExists(group)),
      },
      log: {
        append: (message) => this.#append(message),
        // Numbers that are known are for comparing only: what others say is not what this node has committed.
        heard: () => {},
        read: (page) => read((tables) => tables.read(page)),
        reactions: (range) => read((tables) => tables.reactions(range)),
        conversations: (user, device) => read((tables) => tables.conversations(user, device)),
        hasMoreThan: (user, count) => read((tables) => tables.conversations(user).length > count),
        conversationsOf: (owner, convs) => read((tables) => tables.conversationsOf(owner, convs)),
        conversationPage: (owner, page) => read((tables) => tables.conversationPage(owner, page)),
        membership: (conv, user) => read((tables) => tables.membership(conv, user)),
        behind: (devices) => read((tables) => tables.behind(devices)),
        moveCursors: async (moves) => {
          await write((tables) => tables.moveCursors(moves));
          return [];
        },
      },
      search: { find: (query) => read((tables) => search(tables, query)) },
      leases: {
        shared: true,
        enter: (beat) => write((tables) => tables.leases.enter(beat)),
        beat: async (node) => {
          await this.#compare();
          return await write((tables) => tables.beat(node));
        },
        take: (lease) => write((tables) => tables.leases.take(lease)),
        want: (device, why) => write((tables) => tables.leases.want(device, why)),
        release: (lease) => write((tables) => tables.leases.release(lease)),
        of: (user) => read((tables) => tables.leases.of(user)),
        held: (node) => read((tables) => tables.leases.held(node)),
        online: (users) => read((tables) => tables.leases.online(users)),
        bury: (dead) => write((tables) => tables.leases.bury(dead)),
        sweep: () => write((tables) => tables.leases.sweep()),
        leave: (node) => write((tables) => tables.leases.leave(node)),
      },
      cluster: {
        read: () => read((tables): Cluster => tables.cluster),
        renameLog: (old) => {
          const name = this.#machine.system.secret(12);
          return write((tables) => tables.renameLog({ old, name }));
        },
        adopt: (log) => {
          if (log === this.#log) return;
          this.#former.add(this.#log);
          this.#log = log;
          this.#forget();
        },
      },
      close: async () => {
        this.#closed = true;
        while (this.#underWay > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
      },
    };
  }

  #asked<T>(kind: "read" | "write", run: Run<T>): Promise<T> {
    return this.#closed ? Promise.reject(new StoreUnavailable("closed")) : this.#call(kind, run);
  }

  /** One call: there and back, with whatever may happen on the way. */
  #call<T>(kind: "read" | "write", run: Run<T>): Promise<T> {
    const { random } = this.#world;
    const { before, after, slow } = this.#faults();
    const fate = random.next();
    const there = this.#latency() + (random.chance(slow) ? LONG * random.next() : 0);
    const { copy } = this.#database;
    const answer = Promise.withResolvers<T>();
    // Node and database each go on without the other: what the call does it does even if nobody waits for it any more.
    this.#world.after(there, () => {
      if (this.#database.away || this.#database.copy !== copy || fate < before) {
        return this.#back(() => answer.reject(new StoreUnavailable("connection lost")), UNREACHABLE);
      }
      const result = kind === "write" ? this.#database.write(run) : run(this.#database.tables);
      if (fate < before + after) {
        return this.#back(() => answer.reject(new StoreUnavailable("connection lost")), UNREACHABLE);
      }
      this.#back(() => answer.resolve(result));
    });
    return this.#counted(answer.promise);
  }

  #back(run: () => void, ms = 0): void {
    this.#world.after(this.#latency() + ms, run, this.#machine);
  }

  #append(message: NewMessage): Promise<Appended> {
    if (this.#closed) return Promise.reject(new StoreUnavailable("closed"));
    const { promise, resolve, reject } = Promise.withResolvers<Appended>();
    const entry: Waiting = { message, history: this.#history, resolve, reject };
    const waiting = this.#waiting.get(message.conv);
    if (waiting) {
      waiting.push(entry);
    } else {
      this.#waiting.set(message.conv, [entry]);
      void this.#commitAll(message.conv);
    }
    return this.#counted(promise);
  }

  /** Commits what waits in one conversation, together what came meanwhile. */
  async #commitAll(conv: string): Promise<void> {
    await this.#machine.system.turn();
    for (let batch = this.#waiting.get(conv)!; batch.length > 0; batch = this.#waiting.get(conv)!) {
      this.#waiting.set(conv, []);
      await this.#commit(batch);
    }
    this.#waiting.delete(conv);
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    const began = this.#world.now;
    try {
      await this.#compare();
      const entries = batch.filter(({ history }) => history === this.#history);
      for (const old of batch) if (!entries.includes(old)) old.reject(new StoreUnavailable("older"));
      if (entries.length === 0) return;
      const at = this.#machine.system.now();
      const messages = entries.map(({ message }) => message);
      const outcomes = await this.#call("write", (tables) => tables.append(messages, at));
      outcomes.forEach((outcome, i) => {
        if ("stored" in outcome) this.#note(outcome.stored);
        entries[i]!.resolve(outcome);
      });
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      const cause = this.#world.now - began > PATIENCE ? new StoreUnavailable("no answer in time") : error;
      for (const { reject } of batch) reject(cause);
    }
  }

  #note(message: LogMessage): void {
    if (message.seq > (this.#known.get(message.conv)?.seq ?? 0)) this.#known.set(message.conv, message);
  }

  #forget(): void {
    this.#known.clear();
    this.#history++;
  }

  /** Looks, behind a new connection, whether the database is as new as it was. */
  async #compare(): Promise<void> {
    const { copy } = this.#database;
    if (copy === this.#copy) return;
    const isOlder = await this.#call("read", (tables) => {
      const isThere = ({ conv, seq, sender, mid }: LogMessage) => {
        const [found] = tables.read({ conv, after: seq - 1, limit: 1 });
        return found?.sender === sender && found.mid === mid;
      };
      return tables.cluster.log !== this.#log || ![...this.#known.values()].every(isThere);
    });
    if (isOlder) {
      const found = (await this.store.cluster.read()).log;
      const mayStay = found !== this.#log && !this.#former.has(found);
      this.#former.add(this.#log);
      this.#log = mayStay ? found : await this.store.cluster.renameLog(found);
      this.#forget();
      this.#onOlder();
    }
    this.#copy = copy;
    if (isOlder) throw new StoreUnavailable("the database is older than it was");
  }

  #latency(): number {
    const { random } = this.#world;
    return 0.1 + random.next() + (random.chance(0.02) ? 40 * random.next() : 0);
  }

  async #counted<T>(promise: Promise<T>): Promise<T> {
    this.#underWay++;
    try {
      return await promise;
    } finally {
      if (--this.#underWay === 0) { for (const resolve of this.#idle.splice(0)) resolve(); }
    }
  }
}
