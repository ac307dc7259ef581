import { ROOT } from "./programs.ts";

/** What a `deno` command did. */
export interface Outcome {
  readonly ok: boolean;
  /** Standard error, without colours. */
  readonly said: string;
}

/**
 * Runs a subcommand of this same Deno with the repository's configuration. The lock file is a copy in `work`: the
 * locked versions are used, and the repository's own is not written to.
 */
export async function deno(args: readonly string[], options: { work: string }): Promise<Outcome> {
  const [subcommand = "", ...rest] = args;
  const lock = `${options.work}/deno.lock`;
  try {
    await Deno.copyFile(`${ROOT}deno.lock`, lock);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [subcommand, `--config=${ROOT}deno.json`, `--lock=${lock}`, ...rest],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  return { ok: success, said: new TextDecoder().decode(stderr) };
}
