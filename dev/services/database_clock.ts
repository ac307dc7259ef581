import { isFile } from "./command.ts";
import type { MariaDb } from "./mariadb.ts";

/** How long MariaDB may take to notice that its clock was changed, in ms. */
const NOTICED_WITHIN = 10_000;
/** How far from what was asked for the clock may be, in s. */
const TOLERANCE = 2;

/** A clock for MariaDB alone, which can be stepped while it runs: Debian's libfaketime around the process. */
export class DatabaseClock implements AsyncDisposable {
  readonly #folder: string;
  readonly #library: string;

  private constructor(folder: string, library: string) {
    this.#folder = folder;
    this.#library = library;
  }

  /** A clock that is right, or undefined where libfaketime is not installed. */
  static async make(): Promise<DatabaseClock | undefined> {
    const library = await findFaketime();
    if (library === undefined) return undefined;
    const clock = new DatabaseClock(await Deno.makeTempDir({ prefix: "chat-clock-" }), library);
    await clock.#write(0);
    return clock;
  }

  /** What is to run mariadbd. The clock that measures durations stays as it is. */
  get wrapper(): readonly string[] {
    return [
      "env",
      `LD_PRELOAD=${this.#library}`,
      `FAKETIME_TIMESTAMP_FILE=${this.#file}`,
      "FAKETIME_CACHE_DURATION=1",
      "FAKETIME_DONT_FAKE_MONOTONIC=1",
    ];
  }

  /** Steps the clock to so many seconds ahead of the right time; resolves when MariaDB goes by it. */
  async set(db: MariaDb, seconds: number): Promise<void> {
    await this.#write(seconds);
    const deadline = performance.now() + NOTICED_WITHIN;
    while (true) {
      const ahead = Number(await db.sql("SELECT UNIX_TIMESTAMP(NOW(6))")) - Date.now() / 1000;
      if (Math.abs(ahead - seconds) < TOLERANCE) return;
      if (performance.now() > deadline) {
        throw new Error(`MariaDB is ${ahead.toFixed(1)} s ahead, not ${seconds}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }

  get #file(): string {
    return `${this.#folder}/offset`;
  }

  /** In one step, as the library may read at any moment. */
  async #write(seconds: number): Promise<void> {
    await Deno.writeTextFile(`${this.#file}.new`, `${seconds < 0 ? "" : "+"}${seconds}\n`);
    await Deno.rename(`${this.#file}.new`, this.#file);
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
