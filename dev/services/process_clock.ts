import { isFile } from "./command.ts";

/** A clock for processes that are started under it, which can be stepped while they run: Debian's libfaketime. */
export class ProcessClock implements AsyncDisposable {
  readonly #folder: string;
  readonly #library: string;
  readonly #measures: boolean;

  private constructor(folder: string, options: { library: string; measures: boolean }) {
    this.#folder = folder;
    this.#library = options.library;
    this.#measures = options.measures;
  }

  /**
   * A clock that is right, or undefined where libfaketime is not installed.
   * @param options `measures`: whether durations are measured by it, too. If not, they stay as they are.
   */
  static async make({ measures }: { measures: boolean }): Promise<ProcessClock | undefined> {
    const library = await findFaketime();
    if (library === undefined) return undefined;
    const clock = new ProcessClock(await Deno.makeTempDir({ prefix: "chat-clock-" }), { library, measures });
    await clock.set(0);
    return clock;
  }

  /** What is to run a program. */
  get wrapper(): readonly string[] {
    return [
      "env",
      `LD_PRELOAD=${this.#library}`,
      `FAKETIME_TIMESTAMP_FILE=${this.#file}`,
      ...this.#measures
        ? ["FAKETIME_NO_CACHE=1"]
        : ["FAKETIME_CACHE_DURATION=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"],
    ];
  }

  /** Steps the clock to so many seconds ahead of the right time, at once, as a program may read it at any moment. */
  async set(seconds: number): Promise<void> {
    await Deno.writeTextFile(`${this.#file}.new`, `${seconds < 0 ? "" : "+"}${seconds}\n`);
    await Deno.rename(`${this.#file}.new`, this.#file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }

  get #file(): string {
    return `${this.#folder}/offset`;
  }
}

/** The library for programs of many threads, wherever the distribution puts it. */
export async function findFaketime(): Promise<string | undefined> {
  const roots = ["/usr/local/lib", "/usr/lib64", "/usr/lib"];
  for await (const { name, isDirectory } of Deno.readDir("/usr/lib")) {
    if (isDirectory && name.includes("-linux-")) roots.push(`/usr/lib/${name}`);
  }
  for (const root of roots) {
    const path = `${root}/faketime/libfaketimeMT.so.1`;
    if (await isFile(path)) return path;
  }
  return undefined;
}
