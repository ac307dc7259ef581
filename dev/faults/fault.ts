import type { Random } from "./random.ts";
import type { World } from "./world.ts";

/** What a fault has for itself while it lasts: two that need the same are not injected together. */
export type Part = "nodes" | "mariadb" | "redis" | "nginx" | "clients";

/** Something that goes wrong. */
export interface Fault {
  /** In kebab-case, for `--only`. */
  readonly name: string;
  readonly about: string;
  readonly part: Part;
  /** Never injected together with another one. */
  readonly alone?: true;
  /** Breaks something and mends it; resolves when it has been mended, which is not yet when all have recovered. */
  inject(world: World, random: Random): Promise<void>;
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
