import { compileNative, NoDenort } from "./native.ts";
import type { Program } from "./programs.ts";
import { bundle, pack, readRuntime } from "./self_extracting.ts";

/** `auto`: `deno compile`, and where its runtime cannot be had, a self-extracting file. */
export const METHODS = ["auto", "compile", "bundle"] as const;
export type Method = typeof METHODS[number];

/** How to build. */
export interface BuildOptions {
  /** Folder for the executables; made if it is missing. */
  readonly output: string;
  /** Folder for intermediate files, which the caller makes and removes. */
  readonly work: string;
  readonly method: Method;
  /** Of gzip, 1 (fast) to 9 (small). */
  readonly level: number;
  /** Called with one line for each step. */
  readonly report: (line: string) => void;
}

/** Builds executables; resolves to their paths, in the order of `programs`. */
export async function build(programs: readonly Program[], options: BuildOptions): Promise<string[]> {
  await Deno.mkdir(options.output, { recursive: true });
  if (options.method !== "bundle") {
    try {
      return await buildNative(programs, options);
    } catch (error) {
      if (!(error instanceof NoDenort) || options.method === "compile") throw error;
      options.report(
        `deno compile could not get its runtime, denort (${error.message}); building self-extracting files instead. ` +
          "DENORT_BIN may name a denort of the same version.",
      );
    }
  }
  return await buildSelfExtracting(programs, options);
}

async function buildNative(programs: readonly Program[], options: BuildOptions): Promise<string[]> {
  const paths: string[] = [];
  for (const program of programs) {
    const timer = new Timer();
    options.report(`${program.name}: deno compile …`);
    const built = await compileNative(program, options);
    const path = await install(program.name, {
      output: options.output,
      from: (temp) => Deno.copyFile(built, temp),
    });
    paths.push(path);
    options.report(`${program.name}: ${path}, ${await size(path)}, ${timer}`);
  }
  return paths;
}

async function buildSelfExtracting(programs: readonly Program[], options: BuildOptions): Promise<string[]> {
  const { level, output, report, work } = options;
  const timer = new Timer();
  report(`runtime: compressing ${Deno.execPath()} …`);
  const runtime = await readRuntime(Deno.execPath(), { level });
  report(`runtime: ${megabytes(runtime.size)} → ${megabytes(runtime.gzipped.length)}, ${timer}`);
  const paths: string[] = [];
  for (const program of programs) {
    const timer = new Timer();
    report(`${program.name}: deno bundle …`);
    const code = await bundle(program, { work });
    const parts = await pack(program, { code, runtime, level });
    const path = await install(program.name, { output, from: (temp) => writeParts(temp, parts) });
    report(`${program.name}: ${path}, ${await size(path)}, ${timer}`);
    paths.push(path);
  }
  return paths;
}

/** Makes an executable under another name and renames it: an older one that is running is not disturbed. */
async function install(
  name: string,
  options: { output: string; from: (temp: string) => Promise<void> },
): Promise<string> {
  const path = `${options.output}/${name}`;
  const temp = `${options.output}/.${name}.${Deno.pid}`;
  try {
    await options.from(temp);
    await Deno.chmod(temp, 0o755);
    await Deno.rename(temp, path);
  } catch (error) {
    await Deno.remove(temp).catch((reason: unknown) => {
      if (!(reason instanceof Deno.errors.NotFound)) throw reason;
    });
    throw error;
  }
  return path;
}

async function writeParts(path: string, parts: readonly Uint8Array<ArrayBuffer>[]): Promise<void> {
  await Deno.writeFile(path, new Blob([...parts]).stream());
}

async function size(path: string): Promise<string> {
  return megabytes((await Deno.stat(path)).size);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** Seconds since it was made, when turned into text. */
class Timer {
  readonly #start = performance.now();

  toString(): string {
    return `${((performance.now() - this.#start) / 1000).toFixed(1)} s`;
  }
}
