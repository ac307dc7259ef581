import { DaemonError } from "./errors.ts";

/** Where servers' binaries are installed though not every user's PATH says so. */
const ALSO = ["/usr/sbin", "/usr/local/sbin", "/sbin", "/opt/homebrew/bin", "/opt/homebrew/sbin"];

/** The full path of a program, from PATH or the usual folders of servers; undefined if it is not installed. */
export async function findBinary(name: string): Promise<string | undefined> {
  for (const folder of [...(Deno.env.get("PATH") ?? "").split(":"), ...ALSO]) {
    if (folder !== "" && await isFile(`${folder}/${name}`)) return `${folder}/${name}`;
  }
  return undefined;
}

/** As {@linkcode findBinary}, but a missing program is a {@linkcode DaemonError}. */
export async function needBinary(name: string): Promise<string> {
  const path = await findBinary(name);
  if (path === undefined) throw new DaemonError(`${name} is not installed (ensureServices() says how)`);
  return path;
}

/** Whether there is a file (not a folder) at this path. */
export async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    if (error instanceof Deno.errors.PermissionDenied) return false; // a folder on PATH that this user cannot enter
    throw error;
  }
}

/** Runs a program to its end; its stdout and stderr as text. An exit code other than 0 is a {@linkcode DaemonError}. */
export async function run(
  command: readonly [string, ...string[]],
  options: { stdin?: string; env?: Record<string, string> } = {},
): Promise<{ stdout: string; stderr: string }> {
  const [program, ...args] = command;
  const child = new Deno.Command(program, {
    args,
    env: options.env ?? {},
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  if (options.stdin !== undefined) await feed(child.stdin, options.stdin);
  const { code, stdout, stderr } = await output;
  const text = { stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
  if (code !== 0) {
    throw new DaemonError(
      `${program} ended with exit code ${code}: ${text.stderr.trim() || text.stdout.trim()}`,
    );
  }
  return text;
}

async function feed(stdin: WritableStream<Uint8Array>, text: string): Promise<void> {
  try {
    await new Blob([text]).stream().pipeTo(stdin);
  } catch (error) {
    // The program stopped reading, for instance at an error of its own: its exit code and stderr say why.
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}
