import { type MariaDb, type Nginx, type Redis, startMariaDb, startNginx, startRedis } from "../services.ts";
import { Crowd } from "./crowd.ts";
import { DatabaseClock } from "../services/database_clock.ts";
import type { HistoryFile } from "../proof/history_file.ts";
import { Journal } from "./journal.ts";
import { type ChatNode, startNode } from "./node.ts";
import type { Previous } from "./previous.ts";
import { Proxy } from "./proxy.ts";
import type { Random } from "./random.ts";
import { compareReleases, type Releases } from "./releases.ts";
import { Score } from "./score.ts";

/** So much later does what the server says come to a client, at most, in ms: no two are equally far away. */
const MAX_LATENCY = 15;

/** The cluster that is broken, and everybody who uses it. */
export interface World extends AsyncDisposable {
  readonly db: MariaDb;
  /** MariaDB's clock, if it can be set. */
  readonly clock: DatabaseClock | undefined;
  readonly redis: Redis;
  /** One that no node uses, unless its proxy leads it there. */
  readonly otherRedis: Redis;
  /** Before Redis, one for each node. */
  readonly redisProxies: readonly [Proxy, Proxy];
  readonly nodes: readonly [ChatNode, ChatNode];
  readonly releases: Releases;
  readonly nginx: Nginx;
  readonly proxy: Proxy;
  readonly crowd: Crowd;
  readonly score: Score;
  readonly journal: Journal;
  readonly now: () => number;
  /** Whether there is time for faults of their full length. */
  readonly long: boolean;
  /** After so long without a fault whoever is still cut off is a violation, in ms. */
  readonly patience: number;
}

export interface WorldOptions {
  readonly random: Random;
  /** The folder of the sources to run instead of the repository's. */
  readonly sources?: string | undefined;
  /** The version with which both nodes begin, or why there is none. */
  readonly previous: Previous | string;
  readonly long: boolean;
  readonly patience: number;
  /** Where the clients' history goes. */
  readonly file: HistoryFile;
  /** Whether MariaDB's clock is to be set. */
  readonly withClock: boolean;
  /** Whether the database comes back older in this run. */
  readonly mayGoBack: boolean;
}

/** Starts MariaDB, Redis, two nodes, nginx and the proxy, and logs everybody in. */
export async function startWorld(
  { random, sources, previous, file, withClock, mayGoBack, ...length }: WorldOptions,
): Promise<World> {
  await using starting = new AsyncDisposableStack();
  const clock = withClock ? await DatabaseClock.make() : undefined;
  if (clock) starting.use(clock);
  const db = starting.use(await startMariaDb({ flushLogAtCommit: 2, wrapper: clock?.wrapper ?? [] }));
  const redis = starting.use(await startRedis());
  const otherRedis = starting.use(await startRedis());
  const redisProxies = [new Proxy(redis.port), new Proxy(redis.port)] as const;
  for (const proxy of redisProxies) starting.use(proxy);
  const releases = await compareReleases(previous, { db, redis });
  const [one, two] = redisProxies.map(({ port }) => {
    const flags = [`--db=${db.url}`, `--redis=redis://127.0.0.1:${port}`];
    return startNode({ flags, sources, previous: releases.previous });
  }) as [Promise<ChatNode>, Promise<ChatNode>];
  const nodes = await Promise.all([one, two]);
  for (const node of nodes) starting.use(node);
  const nginx = starting.use(await startNginx({ upstreams: nodes.map(({ port }) => port) }));
  const latency = random.fork();
  const proxy = starting.use(new Proxy(nginx.port, () => latency.between(0, MAX_LATENCY)));
  const now = () => performance.now();
  const score = new Score(now);
  const journal = new Journal({ score, now, file, mayGoBack });
  const crowd = await Crowd.gather({ port: proxy.port, score, journal, random: random.fork(), now });
  starting.use(crowd);
  const running = starting.move();
  return {
    ...{
      db,
      clock,
      redis,
      otherRedis,
      redisProxies,
      nodes,
      releases,
      nginx,
      proxy,
      crowd,
      score,
      journal,
      now,
      ...length,
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** On which node each user is logged in; nodes have no other name than what they call themselves. */
export async function whereabouts({ db }: World): Promise<Map<number, string>> {
  const rows = await db.sql("SELECT userid, node FROM session", { database: "chat" });
  const pairs = rows.split("\n").filter((row) => row !== "").map((row) => row.split("\t"));
  return new Map(pairs.map(([user, node]) => [Number(user), node ?? ""]));
}
