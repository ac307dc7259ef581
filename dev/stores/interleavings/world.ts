import mysql, { type Connection } from "mysql2/promise";
import type { LogMessage } from "../../../server/protocol/messages.ts";
import { openMysql } from "../../../server/stores/mysql/open.ts";
import type { Appended, NewMessage, Store } from "../../../server/stores/store.ts";
import type { Random } from "../../faults/random.ts";
import { startMariaDb } from "../../services.ts";
import { type Case, entry, groupPlace, pairPlace, type Place, type Start, type Wish } from "./cases.ts";
import { Astray, Explorer, ordersLike } from "./explorer.ts";
import { judge, type Sent } from "./judge.ts";
import { play } from "./play.ts";
import { SkippedPauses } from "./skipped_pauses.ts";
import { StatementProxy } from "./statement_proxy.ts";
import { type Move, type Task, Writer } from "./writer.ts";

/** What a node can do here. */
export interface Node {
  append(message: NewMessage): Promise<Appended>;
  heard(message: LogMessage): void;
  join(group: number, user: number): Promise<unknown>;
  close(): Promise<void>;
}

/** Opens a node on a database, which it reaches by this URL. */
export type OpenNode = (url: string) => Promise<Node>;

export const openProduct: OpenNode = async (url) => {
  const store: Store = await openMysql({
    ...{ url, poolSize: 4, wait: 0 },
    onOlder: () => {
      throw new Error("the database is taken for older than it was");
    },
  });
  return {
    append: (message) => store.log.append(message),
    heard: (message) => store.log.heard(message),
    join: (group, user) => store.social.joinGroup(group, user),
    close: () => store.close(),
  };
};

const NAMES = ["A", "B"] as const;
/** Users 1 to so many talk to those up to twice as many more: each pair is used once. */
const USERS = 1000;
/** Numbers of what is said before a case begins. */
const BEFORE = 100;
/** How many of the moves that are drawn by lot are losses, if there may be some. */
const LOSSES = 0.1;
/** How often a run that went astray is tried again. */
const TRIES = 3;

/** What came of all the schedules of a case. */
export interface Explored {
  readonly schedules: number;
  /** Schedules that came to the same as another one; the explorer cannot always tell before. */
  readonly repeated: number;
  /** Orders without a loss that the schedules stand for. */
  readonly orders: number;
}

/** Two nodes on one database, each behind a proxy that holds its statements. */
export class World implements AsyncDisposable {
  readonly #opened: AsyncDisposableStack;
  readonly #sql: Connection;
  readonly #nodes: readonly Node[];
  readonly #writers: readonly Writer[];
  readonly #own: readonly Place[];
  #places = 0;
  #calmed = 0;

  static async open(openNode: OpenNode = openProduct): Promise<World> {
    await using opened = new AsyncDisposableStack();
    const db = opened.use(await startMariaDb({ flushLogAtCommit: 0 }));
    // Makes the tables.
    await (await openMysql({ url: db.url, poolSize: 4, wait: 0 })).close();
    const sql = await mysql.createConnection(db.url);
    opened.defer(() => sql.end());
    await sql.query(`INSERT INTO user (id, name, password, created)
                     SELECT seq, CONCAT('u', seq), 'x', 0 FROM seq_1_to_${3 * USERS}`);
    const proxies = NAMES.map(() => opened.use(new StatementProxy(Number(new URL(db.url).port))));
    const nodes: Node[] = [];
    for (const { port } of proxies) {
      const url = new URL(db.url);
      url.port = String(port);
      const node = await openNode(url.href);
      opened.defer(() => node.close());
      nodes.push(node);
    }
    opened.use(new SkippedPauses());
    const world = new World({ proxies, nodes, sql, opened: opened.move() });
    await world.#calm();
    return world;
  }

  private constructor(made: {
    opened: AsyncDisposableStack;
    proxies: readonly StatementProxy[];
    nodes: readonly Node[];
    sql: Connection;
  }) {
    this.#opened = made.opened;
    this.#sql = made.sql;
    this.#nodes = made.nodes;
    this.#writers = made.proxies.map((proxy, i) => new Writer(NAMES[i]!, proxy));
    this.#own = made.nodes.map(() => this.#newPair());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#opened.disposeAsync();
  }

  /** Runs all schedules of a case. @throws {Error} of the first that fails, with the schedule. */
  async explore(tried: Case, { losing = [] }: { losing?: readonly string[] } = {}): Promise<Explored> {
    const explorer = new Explorer<Move>();
    let [schedules, repeated, orders] = [0, 0, 0];
    for (; !explorer.isDone; explorer.next()) {
      for (let left = TRIES;; explorer.again()) {
        try {
          await this.run(tried, { choose: (moves) => explorer.choose(moves), losing });
          break;
        } catch (error) {
          if (!(error instanceof Error && error.cause instanceof Astray && --left > 0)) throw error;
        }
      }
      if (explorer.isRepeated) {
        repeated++;
        continue;
      }
      schedules++;
      if (explorer.order.every(({ fate }) => fate === "answered")) orders += ordersLike(explorer.order);
    }
    return { schedules, repeated, orders };
  }

  /** Runs one schedule, as it was printed. Where it says nothing, the first writer goes on. */
  async replay(tried: Case, schedule: string): Promise<void> {
    const names = schedule.split(" ").filter(Boolean);
    const choose = (moves: readonly Move[]) => {
      const name = names.shift() ?? moves[0]!.name;
      const move = moves.find((one) => one.name === name);
      if (move) return move;
      throw new Error(`${name} cannot happen now, only ${moves.map((one) => one.name).join(" ")}`);
    };
    await this.run(tried, { choose, losing: NAMES });
  }

  /** Runs so many schedules that are drawn by lot. @throws {Error} of the first that fails, with the schedule. */
  async sample(
    tried: Case,
    { count, random, losing }: { count: number; random: Random; losing: readonly string[] },
  ): Promise<void> {
    const choose = (moves: readonly Move[]) => {
      const isLoss = random.chance(LOSSES);
      const some = moves.filter(({ fate }) => (fate !== "answered") === isLoss);
      return random.pick(some.length > 0 ? some : moves);
    };
    for (let i = 0; i < count; i++) await this.run(tried, { choose, losing });
  }

  async run(
    tried: Case,
    { choose, losing }: { choose: (moves: readonly Move[]) => Move | undefined; losing: readonly string[] },
  ): Promise<void> {
    await this.#calm();
    const one = tried.inGroup ? await this.#newGroup() : this.#newPair();
    const two = this.#newPair({ second: true });
    const wishes = tried.wishes(one, two);
    const used = new Set(wishes.flat().map(({ conv }) => conv));
    const places = [one, two].filter(({ conv }) => used.has(conv));
    for (const message of tried.before(one)) await this.#nodes[0]!.append(message);
    for (const place of places) await this.#prepare(place, tried.start);
    const sent: Sent[] = [];
    const convs = places.map(({ conv }) => conv);
    const writers = wishes.map((ofNode, node) => ({
      writer: this.#writers[node]!,
      tasks: {
        tasks: ofNode.map((wish) => this.#task(wish, { node, sent })),
        together: tried.together,
        convs,
      },
    }));
    const made: Move[] = [];
    try {
      const isPlayed = await play({
        writers,
        losing: new Set(losing),
        choose,
        onMove: (move) => made.push(move),
      });
      if (isPlayed) await judge(this.#sql, { places, sent, nodes: this.#nodes });
    } catch (error) {
      throw new Error(failure({ tried, made, sent }), { cause: error });
    }
  }

  #task(wish: Wish, { node, sent }: { node: number; sent: Sent[] }): Task {
    const { conv } = wish;
    const failed = (error: unknown) => error instanceof Error ? error : new Error(String(error));
    if ("join" in wish) {
      const join = () => this.#nodes[node]!.join(wish.join, wish.user);
      return { conv, run: () => join().then(() => {}, () => {}) };
    }
    const place = sent.length++;
    const append = () => this.#nodes[node]!.append(wish);
    return {
      conv,
      run: () =>
        append().catch(failed).then((said) => {
          sent[place] = { node, entry: wish, said };
        }),
    };
  }

  /** A node looks at the database when a connection is new: what a schedule does must not depend on the one before. */
  async #calm(): Promise<void> {
    const n = ++this.#calmed;
    await Promise.all(this.#nodes.map((node, i) => node.append(entry(this.#own[i]!, { by: 0, n }))));
  }

  /** Brings both nodes into the state in which a case begins. */
  async #prepare(place: Place, start: Start): Promise<void> {
    const turns = { cold: [], warm: [0, 1], contended: [0, 1, 0, 1] }[start];
    for (const [i, turn] of turns.entries()) {
      const said = await this.#nodes[turn]!.append(entry(place, { by: 0, n: BEFORE + i }));
      // Who does not hear of it by the bus is surprised when it writes itself.
      if (start !== "warm" || !("stored" in said)) continue;
      for (const node of this.#nodes) node.heard(said.stored);
    }
  }

  #newPair({ second = false } = {}): Place {
    const n = this.#places++ % (USERS * USERS);
    const [low, high] = [1 + Math.floor(n / USERS), 1 + n % USERS];
    return pairPlace(low, high + (second ? 2 * USERS : USERS));
  }

  async #newGroup(): Promise<Place> {
    const [made] = await this.#sql.query(
      "INSERT INTO allgroup (groupname, groupdesc, created) VALUES ('g', '', 0)",
    );
    const { insertId: id } = made as { insertId: number };
    const place = groupPlace(id, [1, 2]);
    await this.#sql.query(
      "INSERT INTO groupuser (groupid, userid, grouprole, joined) VALUES (?, 1, 'creator', 0)",
      [id],
    );
    await this.#sql.query("INSERT INTO conversation (conv) VALUES (?)", [place.conv]);
    await this.#sql.query(
      "INSERT INTO progress (userid, conv, joined, delivered, `read`) VALUES (1, ?, 0, 0, 0)",
      [place.conv],
    );
    return place;
  }
}

/** What somebody needs who looks into a schedule that failed. */
function failure(
  { tried, made, sent }: { tried: Case; made: readonly Move[]; sent: readonly Sent[] },
): string {
  const schedule = made.map(({ name }) => name).join(" ");
  const statements = made.map(({ name, held }) =>
    `  ${name.padEnd(4)} ${held.sql.replaceAll(/\s+/g, " ").slice(0, 90)}`
  );
  const answers = sent.map(({ node, entry: { mid }, said }) => {
    const what = said instanceof Error
      ? said.message
      : "stored" in said
      ? `${said.stored.seq}`
      : said.refused;
    return `  ${NAMES[node]} ${mid}: ${what}`;
  });
  return [`failed with SCHEDULE='${tried.name}: ${schedule}'`, ...statements, ...answers].join("\n");
}
