import { deno } from "./deno.ts";
import type { Program } from "./programs.ts";

/** The runtime that `deno compile` puts into executables could not be had. */
export class NoDenort extends Error {
  override readonly name = "NoDenort";
}

/**
 * Builds a program with `deno compile`. Resolves to the path of the executable, inside `work`; throws
 * {@linkcode NoDenort} where the runtime cannot be downloaded, and an error with Deno's words if anything else fails.
 */
export async function compileNative(program: Program, options: { work: string }): Promise<string> {
  const path = `${options.work}/${program.name}`;
  const { ok, said } = await deno(
    [
      "compile",
      "--no-check",
      "--no-prompt",
      `--output=${path}`,
      // Deno follows imports to find what belongs to a program, not the modules that threads are started with.
      ...(program.threads ?? []).map((thread) => `--include=${thread}`),
      ...program.permissions,
      program.entry,
    ],
    options,
  );
  if (ok) return path;
  const cause = /^\s*\d+: (.*error.*)$/m.exec(said)?.[1] ?? said.trim();
  if (/denort|base binary/i.test(said)) throw new NoDenort(cause.replace(/^.*\burl \([^)]*\): /, ""));
  throw new Error(`deno compile ${program.entry} failed:\n${said.trim()}`);
}
