import { CLIENT_FAULTS } from "./client_faults.ts";
import { DATABASE_FAULTS } from "./database_faults.ts";
import type { Fault } from "./fault.ts";
import { NODE_FAULTS } from "./node_faults.ts";
import type { Random } from "./random.ts";
import { SERVICE_FAULTS } from "./service_faults.ts";
import { UPGRADE_FAULTS } from "./upgrade_faults.ts";
import type { World } from "./world.ts";

/** Every fault there is. */
export const FAULTS: readonly Fault[] = [
  ...NODE_FAULTS,
  ...SERVICE_FAULTS,
  ...DATABASE_FAULTS,
  ...CLIENT_FAULTS,
  ...UPGRADE_FAULTS,
];

/** Why a fault cannot be injected here, if it cannot. */
export function impossible({ name }: Fault, { clock, releases }: Pick<World, "clock" | "releases">) {
  if (name === "clock-step" && !clock) return "libfaketime is not installed";
  if (name === "upgrade") return releases.noUpgrade;
  if (name === "downgrade") return releases.noDowngrade;
  return undefined;
}

/** How often two come at once. */
const TOGETHER = 0.2;

/** Without end: one fault, or two that do not get into each other's way; each as often as any other. */
export function* sequence(faults: readonly Fault[], random: Random): Generator<readonly Fault[]> {
  while (true) {
    for (const fault of random.shuffled(faults)) {
      const fitting = fault.alone ? [] : faults.filter(({ part, alone }) => !alone && part !== fault.part);
      const together = fitting.length > 0 && random.chance(TOGETHER);
      yield together ? [fault, random.pick(fitting)] : [fault];
    }
  }
}
