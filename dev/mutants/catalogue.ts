import { CLIENT_MUTANTS } from "./client_mutants.ts";
import { LOG_MUTANTS } from "./log_mutants.ts";
import type { Mutant } from "./mutant.ts";
import { PUSH_MUTANTS } from "./push_mutants.ts";
import { SESSION_MUTANTS } from "./session_mutants.ts";

/** Every deliberate fault. */
export const MUTANTS: readonly Mutant[] = [
  ...LOG_MUTANTS,
  ...PUSH_MUTANTS,
  ...SESSION_MUTANTS,
  ...CLIENT_MUTANTS,
];
