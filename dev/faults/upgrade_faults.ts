import { type Fault, pause } from "./fault.ts";
import type { ChatNode, Version } from "./node.ts";
import { shutDown } from "./node_faults.ts";
import type { World } from "./world.ts";

/** People come back before the next node goes, in ms. */
const BETWEEN = 5000;

async function restartAs(version: Version, { node, world }: { node: ChatNode; world: World }): Promise<void> {
  await shutDown(node, world);
  await node.become(version);
  await node.startUntilUp();
}

export const UPGRADE_FAULTS: readonly Fault[] = [
  {
    name: "upgrade",
    about: "SIGTERM a node of the previous version, and start this one in its place",
    part: "nodes",
    async inject(world, random) {
      const { nodes, releases } = world;
      const old = nodes.filter(({ version }) => version === "previous");
      // A node that does not know the new schema serves on, but cannot start again.
      const all = old.length > 0 && releases.noDowngrade !== undefined;
      for (const node of all ? old : [random.pick(old.length > 0 ? old : nodes)]) {
        await restartAs("present", { node, world });
        await pause(BETWEEN);
      }
    },
  },
  {
    name: "downgrade",
    about: "SIGTERM a node of this version, and start the previous one in its place",
    part: "nodes",
    async inject(world, random) {
      const { nodes } = world;
      const present = nodes.filter(({ version }) => version === "present");
      const node = random.pick(present.length > 0 ? present : nodes);
      await restartAs("previous", { node, world });
      await pause(BETWEEN);
    },
  },
];
