import { Load } from "../load.ts";
import type { Return } from "../load/crowd.ts";
import type { Figures } from "../load/gauge.ts";
import { pairsOf, PEOPLE } from "../population.ts";
import type { Result } from "../result.ts";
import type { Bench, Scenario } from "../scenario.ts";
import { median } from "../statistics.ts";
import type { Target } from "../target.ts";
import { crowdThatFits } from "./crowd_size.ts";

/** The others, who chat all the time, and how often each of these pairs writes, ms. */
const TALKERS = 20;
const EVERY_MS = 50;

interface Round {
  readonly back: Return;
  readonly calm: Figures;
  readonly meanwhile: Figures;
}

/** Everybody's connection is cut at once, and everybody comes back at once, while others chat. */
export const reconnect: Scenario = {
  name: "reconnect",
  about: "everybody reconnects at once while 20 pairs chat",
  async *run(bench) {
    // The one node that two share, first; then the two.
    const servers = (await bench.world.servers()).filter(({ name }) => name !== "MariaDB");
    for (const target of servers) {
      // Connections that were cut and those that take their place are there together for a moment.
      const users = crowdThatFits(bench, { nodes: new Set(target.ports).size, each: 2 });
      bench.say(`${users.length} users reconnect, ${target.name}`);
      yield* resultsOf(await rounds(bench, { target, users }), { target, users: users.length });
    }
  },
};

async function rounds(
  bench: Bench,
  { target, users }: { target: Target; users: readonly number[] },
): Promise<Round[]> {
  const { signal } = bench;
  await using loads = new AsyncDisposableStack();
  const ports = [...new Set(target.ports)];
  const crowds = await Promise.all(ports.map(async (port, i) => {
    const settings = { port, users: users.filter((_, n) => n % ports.length === i) };
    return loads.use(await Load.start("crowd", { settings, signal }));
  }));
  const talkers = loads.use(
    await Load.start("steady", {
      settings: { ports: target.ports, pairs: pairsOf(PEOPLE.talkers, TALKERS), everyMs: EVERY_MS },
      signal,
    }),
  );
  await Promise.all(crowds.map((crowd) => crowd.ask("logIn")));
  const done: Round[] = [];
  for (let i = 0; i < bench.options.repeat; i++) {
    await bench.pause(bench.sizes.settleMs);
    await talkers.mark();
    await bench.pause(1000 * bench.options.seconds);
    const calm = await talkers.mark();
    const returns = await Promise.all(crowds.map((crowd) => crowd.ask<Return>("cut")));
    const meanwhile = await talkers.mark();
    done.push({ back: together(returns), calm, meanwhile });
  }
  return done;
}

function together(returns: readonly Return[]): Return {
  const max = (key: keyof Return) => Math.max(...returns.map((back) => back[key]));
  return {
    all: max("all"),
    p50: max("p50"),
    p99: max("p99"),
    retries: returns.reduce((sum, { retries }) => sum + retries, 0),
    missing: returns.reduce((sum, { missing }) => sum + missing, 0),
  };
}

function resultsOf(done: readonly Round[], { target, users }: { target: Target; users: number }): Result[] {
  const of = (look: (round: Round) => number) => median(done.map(look));
  const chat = (when: "calm" | "meanwhile") => ({
    on: target.name,
    value: of((round) => round[when].perSecond),
    unit: "messages/s",
    p50: of((round) => round[when].p50),
    p99: of((round) => round[when].p99),
    loadBusy: of((round) => round[when].busy),
  });
  return [
    {
      what: `${users} users reconnect`,
      on: target.name,
      value: of(({ back }) => back.all) / 1000,
      unit: "s until all are back",
      p50: of(({ back }) => back.p50),
      p99: of(({ back }) => back.p99),
      runs: done,
    },
    { what: "tries in vain", on: target.name, value: of(({ back }) => back.retries), unit: "tries" },
    {
      what: "not back after a minute",
      on: target.name,
      value: of(({ back }) => back.missing),
      unit: "users",
    },
    { what: `${TALKERS} pairs chat meanwhile`, ...chat("meanwhile") },
    { what: `${TALKERS} pairs chat before`, ...chat("calm") },
  ];
}
