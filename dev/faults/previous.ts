import { DaemonError } from "../services.ts";
import { isFile, run } from "../services/command.ts";
import { ROOT, SOURCES } from "./sources.ts";

/** The server that this one succeeds. */
export interface Previous extends AsyncDisposable {
  /** How to name it: the commit or the executable. */
  readonly name: string;
  /** Its sources, or an executable. */
  readonly program: { readonly folder: string } | { readonly executable: string };
}

/** Why there is none; the message is for the person who runs the suite. */
export class NoPrevious extends Error {
  override readonly name = "NoPrevious";
}

/**
 * Makes the previous server ready to run: an executable as it is, a commit from its sources in a temporary folder, which
 * is removed with it.
 *
 * @param what An executable's path, a commit, or a tag; the last tag before this commit if left out.
 * @throws {NoPrevious}
 */
export async function preparePrevious(what?: string): Promise<Previous> {
  if (what !== undefined && await isFile(what)) {
    const program = { executable: await Deno.realPath(what) };
    return { name: what, program, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  // A commit that has a tag is not the version before itself.
  const name = what ?? await git("describe", "--tags", "--abbrev=0", "HEAD^");
  if (name === undefined) {
    throw new NoPrevious("there is no tag yet; name a commit or an executable by --previous");
  }
  const commit = await git("rev-parse", "--verify", "--quiet", `${name}^{commit}`);
  if (commit === undefined) throw new NoPrevious(`${name} is neither a file nor a commit`);
  const folder = await Deno.makeTempDir({ prefix: "chat-previous-" });
  const remove = () => Deno.remove(folder, { recursive: true });
  try {
    await run(["git", "-C", ROOT, "archive", `--output=${folder}/sources.tar`, commit, "--", ...SOURCES]);
    await run(["tar", "-C", folder, "-xf", `${folder}/sources.tar`]);
  } catch (error) {
    await remove();
    throw error;
  }
  const short = commit.slice(0, 7);
  return {
    name: name.startsWith(short) ? short : `${name} (${short})`,
    program: { folder },
    [Symbol.asyncDispose]: remove,
  };
}

/** What git says; undefined if it refuses, or is not there. */
async function git(...args: string[]): Promise<string | undefined> {
  try {
    return (await run(["git", "-C", ROOT, ...args])).stdout.trim();
  } catch (error) {
    if (!(error instanceof DaemonError || error instanceof Deno.errors.NotFound)) throw error;
    return undefined;
  }
}
