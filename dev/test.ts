// deno-lint-ignore-file no-console -- a command-line tool
/**
 * Every test, in one command: `deno task test [FILE or FOLDER…] [flags of deno test…]`. The last line counts; the
 * exit code is 0 only if something ran and nothing failed. With `CI=true` a skipped test is a failure.
 *
 * Tests in `dev/` run the built executables: those that TEST_CHAT_SERVER and TEST_CHAT_CLIENT name, or else ones that
 * are built first, into a temporary folder.
 */
import { build } from "./compile/build.ts";
import { PROGRAMS, ROOT } from "./compile/programs.ts";

/**
 * What tests in dev/ may do: loopback, files, and the programs they start. The throwaway servers are reached by Unix
 * sockets as well, whose paths the permission for the network cannot name beforehand.
 */
const DEV_PERMISSIONS = [
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-sys",
  "--allow-run",
];

/** Test files at a time, with all the servers they start. */
const JOBS = Math.min(2, navigator.hardwareConcurrency);

/** A part of the run that prints nothing for so many milliseconds hangs, and is ended. */
const SILENCE = 180_000;

/** What came of a part of the run. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  /** Names of tests, and of steps: a step is counted with its test, but not when it is skipped. */
  readonly skipped: readonly string[];
}

const NOTHING: Counts = { passed: 0, failed: 0, skipped: [] };
const ONE_FAILED: Counts = { ...NOTHING, failed: 1 };

/** What the steps of one run have in common. */
interface Context {
  /** Flags for `deno test`. */
  readonly flags: readonly string[];
  /** A temporary folder. */
  readonly temp: string;
  readonly signal: AbortSignal;
}

/** Reads what `deno test` printed. If it ended badly, something failed, whatever the summary says. */
export function countTests(output: string, options: { success: boolean }): Counts {
  // deno-lint-ignore no-control-regex -- colours
  const text = output.replaceAll(/\x1b\[[\d;]*m/g, "");
  const number = (pattern: RegExp) => Number(pattern.exec(line)?.[1] ?? 0);
  const line = text.split("\n").findLast((line) => /^(ok|FAILED) \| \d+ passed/.test(line)) ?? "";
  const names = [...text.matchAll(/^\s*(.+) \.\.\. ignored \(\d+m?s\)$/gm)].map((match) => match[1] ?? "");
  const skips = number(/(\d+) ignored/) + number(/ignored \((\d+) steps?\)/);
  const failed = number(/(\d+) failed/);
  return {
    passed: number(/(\d+) passed/),
    failed: options.success ? failed : Math.max(failed, 1),
    skipped: Array.from({ length: skips }, (_, i) => names[i] ?? "(unknown)"),
  };
}

/** Tells files and folders among the arguments from flags for `deno test`. */
export function splitArguments(args: readonly string[]): { paths: string[]; flags: string[] } {
  const paths: string[] = [];
  const flags: string[] = [];
  args.forEach((argument, i) => {
    const isPath = !argument.startsWith("-") && args[i - 1] !== "--filter" &&
      /^(\.\/)?(server|client|dev)(\/|$)/.test(argument);
    if (isPath) paths.push(argument.replace(/^\.\//, ""));
    else flags.push(argument);
  });
  return { paths, flags };
}

/** The test files that a path stands for; a path that does not exist is left for `deno test` to complain about. */
async function testFiles(path: string): Promise<string[]> {
  const found: string[] = [];
  try {
    if (!(await Deno.stat(ROOT + path)).isDirectory) return [path];
    for await (const { name, isDirectory } of Deno.readDir(ROOT + path)) {
      const inside = `${path.replace(/\/$/, "")}/${name}`;
      if (isDirectory) found.push(...await testFiles(inside));
      else if (name.endsWith("_test.ts")) found.push(inside);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return path.endsWith(".ts") ? [path] : [];
  }
  return found.sort();
}

/** Runs this Deno; standard output is shown as it comes, and returned. */
async function run(args: readonly string[], options: { env?: Record<string, string>; signal: AbortSignal }) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    env: { ...options.env, ...(Deno.stdout.isTerminal() ? { FORCE_COLOR: "1" } : {}) },
    signal: options.signal,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const decoder = new TextDecoder();
  let output = "";
  const hangs = () => {
    console.error(`error: ended, because nothing happened for ${SILENCE / 1000} s after the last line above`);
    child.kill("SIGKILL");
  };
  let silence = setTimeout(hangs, SILENCE);
  for await (const chunk of child.stdout) {
    clearTimeout(silence);
    silence = setTimeout(hangs, SILENCE);
    output += decoder.decode(chunk, { stream: true });
    for (let rest = chunk; rest.length > 0;) rest = rest.subarray(await Deno.stdout.write(rest));
  }
  const { success } = await child.status;
  clearTimeout(silence);
  return { success, output };
}

async function pureTests(files: readonly string[], { flags, signal }: Context): Promise<Counts> {
  const { success, output } = await run(["test", "--no-prompt", ...flags, ...files], { signal });
  return countTests(output, { success });
}

async function layers({ signal }: Context): Promise<Counts> {
  const { success } = await run(["run", "-A", "dev/layers.ts"], { signal });
  return success ? NOTHING : ONE_FAILED;
}

/** Builds what the environment does not name; resolves to the variables that name it. */
async function executables({ temp }: Context): Promise<Record<string, string>> {
  const variables: Record<string, string> = {
    "chat-server": "TEST_CHAT_SERVER",
    "chat-client": "TEST_CHAT_CLIENT",
  };
  const missing = PROGRAMS.filter(({ name }) => !Deno.env.has(variables[name] ?? ""));
  if (missing.length === 0) return {};
  const [work, output] = [`${temp}/work`, `${temp}/bin`];
  await Deno.mkdir(work);
  const report = (line: string) => console.log(line);
  const paths = await build(missing, { output, work, method: "auto", level: 1, report });
  return Object.fromEntries(missing.map(({ name }, i) => [variables[name] ?? "", paths[i] ?? ""]));
}

async function devTests(
  files: readonly string[],
  options: { context: Context; built: Record<string, string> },
): Promise<Counts> {
  const { flags, signal, temp } = options.context;
  const info = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"], cwd: ROOT }).output();
  const { denoDir } = JSON.parse(new TextDecoder().decode(info.stdout)) as { denoDir: string };
  const env = {
    ...options.built,
    DENO_JOBS: String(JOBS),
    // Where the executables unpack themselves; Deno's own cache stays where it is.
    XDG_CACHE_HOME: `${temp}/cache`,
    DENO_DIR: denoDir,
  };
  const args = ["test", "--no-prompt", "--parallel", ...DEV_PERMISSIONS, ...flags, ...files];
  const { success, output } = await run(args, { env, signal });
  return countTests(output, { success });
}

/** Runs one step under a heading; what it throws is a failure. After an interruption none begins. */
async function step<T>(
  { name, signal }: { name: string; signal: AbortSignal },
  body: () => Promise<T>,
): Promise<T | Error> {
  if (signal.aborted) return new Error("interrupted");
  console.log(`\n── ${name}`);
  const start = performance.now();
  try {
    return await body();
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    console.error(`error: ${error.message}`);
    return error;
  } finally {
    console.log(`── ${name}: ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
}

async function everything(paths: readonly string[], context: Context): Promise<Counts> {
  const { signal } = context;
  const parts: (Counts | Error)[] = [];
  const all = paths.length === 0;
  const files = (await Promise.all((all ? ["server", "client", "dev"] : paths).map(testFiles))).flat();
  const [dev, pure] = [
    files.filter((file) => file.startsWith("dev/")),
    files.filter((file) => !file.startsWith("dev/")),
  ];

  if (pure.length > 0) {
    parts.push(
      await step({ name: "server and client, without permissions", signal }, () => pureTests(pure, context)),
    );
  }
  if (all) parts.push(await step({ name: "layers", signal }, () => layers(context)));
  if (dev.length > 0) {
    const built = await step({ name: "executables", signal }, () => executables(context));
    parts.push(
      built instanceof Error
        ? built
        : await step({ name: "whole programs and tools", signal }, () => devTests(dev, { context, built })),
    );
  }
  return parts.map((part) => part instanceof Error ? ONE_FAILED : part).reduce((a, b) => ({
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: [...a.skipped, ...b.skipped],
  }), NOTHING);
}

const HELP =
  `Every test, or those in the files and folders named. Executables and servers are made as they are needed.

usage: deno task test [FILE or FOLDER…] [flags of deno test…]

  deno task test                          everything
  deno task test dev/e2e/kill_test.ts     one file
  deno task test server --filter codec    tests in a folder whose name contains something

In the environment: SEED=N repeats a random test, CI=true counts skipped tests as failed, TEST_CHAT_SERVER and
TEST_CHAT_CLIENT name executables to test instead of building them. "deno test --help" has the other flags.`;

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    console.log(HELP);
    return 0;
  }
  const { paths, flags } = splitArguments(args);
  const temp = await Deno.makeTempDir({ prefix: "chat-test-" });
  const stop = new AbortController();
  // A terminal sends SIGINT to the children as well; this is for those who are not asked by it.
  const interrupted = () => stop.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, interrupted);
  try {
    let { passed, failed, skipped } = await everything(paths, { flags, temp, signal: stop.signal });
    if (stop.signal.aborted) return 130;
    console.log();
    if (skipped.length > 0 && Deno.env.get("CI") === "true") {
      console.log("skipped, which counts as failed here:");
      for (const name of skipped) console.log(`  ${name}`);
      failed += skipped.length;
      skipped = [];
    }
    if (passed + failed === 0) console.log("no test ran");
    console.log(
      `${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`,
    );
    return passed > 0 && failed === 0 ? 0 : 1;
  } finally {
    await Deno.remove(temp, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
