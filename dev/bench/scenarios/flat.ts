import { fillConversations, fillFriends, fillPairs } from "../fill.ts";
import { inTurn } from "../measure.ts";
import { type Result, resultOf } from "../result.ts";
import type { Bench, Scenario } from "../scenario.ts";
import { median } from "../statistics.ts";
import type { Fill, OwnServer } from "../world.ts";
import { measurePairs } from "./chat.ts";

const LOAD = { pairs: 100, inFlight: 1 };
const USERS = 2 * LOAD.pairs;
const FRIENDS = 1000;

/** What a message costs when there is much of everything; the ratio is to a server that is nearly empty. */
export const flat: Scenario = {
  name: "flat",
  about: "what a message costs with many conversations, friends, and messages",
  async *run(bench) {
    const { world, options } = bench;
    // Filling a second database with tens of millions of rows says little more.
    const stores = world.withServices && !options.quick
      ? ["onSqlite", "onMariaDb"] as const
      : ["onSqlite"] as const;
    for (const store of stores) yield* await compare(bench, store);
  },
};

async function compare(bench: Bench, store: "onSqlite" | "onMariaDb"): Promise<Result[]> {
  await using own = new AsyncDisposableStack();
  const variants: { what: string; server: OwnServer }[] = [];
  for (const { what, fill } of variantsOf(bench)) {
    bench.say(`${what}: filling`);
    variants.push({ what, server: own.use(await bench.world[store](fill)) });
  }
  bench.say("flat costs");
  const measured = await inTurn(variants, {
    repeat: bench.options.repeat,
    once: ({ server }) => measurePairs(bench, { target: server, load: LOAD }),
  });
  const floor = median(measured[0]!.runs.map((run) => run.perSecond));
  return measured.map(({ target: { what, server }, runs }) =>
    resultOf(runs, { what: `1:1, 100 × 1, ${what}`, on: server.name, unit: "messages/s", floor })
  );
}

function variantsOf({ sizes, say }: Bench): { what: string; fill?: Fill }[] {
  const { conversations, logMessages: messages } = sizes;
  return [
    {
      what: `${LOAD.pairs} conversations, 1 friend`,
      fill: (filler) => fillFriends(filler, { users: USERS, friends: 1 }),
    },
    {
      what: `${conversations} conversations`,
      fill: (filler) => fillConversations(filler, { users: USERS, conversations }),
    },
    {
      what: `${FRIENDS} friends`,
      fill: (filler) => fillFriends(filler, { users: USERS, friends: FRIENDS }),
    },
    {
      what: `${messages} messages`,
      fill: (filler) => fillPairs(filler, { pairs: LOAD.pairs, messages, say }),
    },
  ];
}
