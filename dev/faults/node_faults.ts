import { DaemonError } from "../services.ts";
import { type Fault, pause } from "./fault.ts";
import type { ChatNode } from "./node.ts";
import type { Random } from "./random.ts";
import type { World } from "./world.ts";

const HOUR = 3_600_000;
const FREEZE = 15_000;
/** How often a node is stopped to find it in the middle of a transaction. */
const ATTEMPTS = 20;
/** A transaction that is still there after so long, in ms, is not one of the node that goes on. */
const SHORT = 150;

/** A node that needs to be killed to end is as good as one that crashed. */
export async function shutDown(node: ChatNode, { score }: World): Promise<void> {
  if (await node.shutDown()) return;
  const where = `the node on port ${node.port} did not end in order after SIGTERM`;
  score.violate({ flaw: "not recovered", conv: "", seq: undefined, mid: "", where });
}

/** Stops a node, if chance allows in the middle of a transaction, whose locks then stay. */
async function freezeInTransaction(
  node: ChatNode,
  { world, random }: { world: World; random: Random },
): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    world.crowd.shout();
    await pause(random.between(0, 10));
    node.pause();
    await pause(SHORT);
    const before = await transactions(world);
    await pause(SHORT);
    const after = await transactions(world);
    if (attempt === ATTEMPTS || before.some((id) => after.includes(id))) return;
    node.resume();
  }
}

async function transactions({ db }: World): Promise<string[]> {
  try {
    const rows = await db.sql("SELECT trx_id FROM information_schema.innodb_trx WHERE trx_rows_locked > 0");
    return rows.split("\n").filter((id) => id !== "");
  } catch (error) {
    // Another fault has it just now.
    if (!(error instanceof DaemonError)) throw error;
    return [];
  }
}

export const NODE_FAULTS: readonly Fault[] = [
  {
    name: "kill-node",
    about: "kill -9 one node, start it again after 1 to 4 s",
    part: "nodes",
    async inject({ nodes }, random) {
      const node = random.pick(nodes);
      await node.kill("SIGKILL");
      await pause(random.between(1000, 4000));
      await node.startUntilUp();
    },
  },
  {
    name: "freeze-node",
    about:
      "stop a node for 15 s, sometimes in the middle of a transaction, and let it go on: its leases have gone",
    part: "nodes",
    async inject(world, random) {
      const node = random.pick(world.nodes);
      if (random.chance(0.5)) await freezeInTransaction(node, { world, random });
      else node.pause();
      await pause(FREEZE);
      node.resume();
    },
  },
  {
    name: "clock-ahead",
    about: "one node runs under a clock that is 1 h ahead",
    part: "nodes",
    async inject(world, random) {
      const node = random.pick(world.nodes);
      for (const ahead of [HOUR, 0]) {
        await shutDown(node, world);
        await node.setClock(ahead);
        await node.startUntilUp();
        if (ahead > 0) await pause(world.long ? 15_000 : 5000);
      }
    },
  },
  {
    name: "rolling-restart",
    about: "SIGTERM one node, start it again when it has ended, then the other one",
    part: "nodes",
    async inject(world) {
      for (const node of world.nodes) {
        await shutDown(node, world);
        await node.startUntilUp();
        // People come back before the next one goes.
        await pause(2000);
      }
    },
  },
];
