import type { Breach } from "../proof/findings.ts";
import type { Schedule } from "../simulate/schedule.ts";
import type { Broken } from "./build.ts";

/** What a simulation may show beside breaches, and how its sentence begins. */
export const SIGNS = {
  "not right": "not right after",
  "late": "late:",
} as const;

/** What a failing simulation shows. */
export type Sign = Breach | keyof typeof SIGNS;

/** What must notice a mutant. */
export type Check =
  /** `deno task simulate`, by one of these: a schedule of each seed, or this one with each seed. */
  | { readonly by: "simulation"; readonly signs: readonly Sign[]; readonly schedule?: Omit<Schedule, "seed"> }
  /** `deno task power`: an acknowledged message is lost. */
  | { readonly by: "power" }
  /** What no client can see while it happens: a test by its name, or the beginning of it. */
  | { readonly by: "test"; readonly file: string; readonly name: string };

/** A deliberate fault of the product. */
export interface Mutant extends Broken {
  /** What is wrong in it. */
  readonly name: string;
  readonly check: Check;
}

/** Noticed by the simulation, as one of these. */
export const simulated = (...signs: readonly Sign[]): Check => ({ by: "simulation", signs });
