import { delay } from "@std/async/delay";
import type { Figures } from "./load/gauge.ts";
import type { CatchUpSettings } from "./load/catch_up.ts";
import type { LargeLoginSettings } from "./load/large_login.ts";
import type { CrowdSettings } from "./load/crowd.ts";
import type { DialogueSettings } from "./load/dialogue.ts";
import type { GroupSettings } from "./load/group.ts";
import type { HistorySettings } from "./load/history.ts";
import type { LoginsSettings } from "./load/logins.ts";
import type { PairsSettings } from "./load/pairs.ts";
import type { SteadySettings } from "./load/steady.ts";

/** The kinds of load, each a file in `load/`, and what each is told at its start. */
interface Kinds {
  readonly pairs: PairsSettings;
  readonly dialogue: DialogueSettings;
  readonly catch_up: CatchUpSettings;
  readonly large_login: LargeLoginSettings;
  readonly steady: SteadySettings;
  readonly group: GroupSettings;
  readonly logins: LoginsSettings;
  readonly crowd: CrowdSettings;
  readonly history: HistorySettings;
}

const utf8 = new TextEncoder();

/** A load in a process of its own, so that it never shares an event loop with what it measures. */
export class Load implements AsyncDisposable {
  readonly #kind: string;
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #signal: AbortSignal;
  #text = "";

  private constructor(kind: string, { child, signal }: { child: Deno.ChildProcess; signal: AbortSignal }) {
    this.#kind = kind;
    this.#child = child;
    this.#signal = signal;
    this.#writer = child.stdin.getWriter();
    this.#reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Starts a load; it is connected and under way when the promise resolves. */
  static async start<Kind extends keyof Kinds>(
    kind: Kind,
    { settings, signal }: { settings: Kinds[Kind]; signal: AbortSignal },
  ): Promise<Load> {
    const file = new URL(`load/${kind}.ts`, import.meta.url).pathname;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", file],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const load = new Load(kind, { child, signal });
    try {
      await load.ask(JSON.stringify(settings));
      return load;
    } catch (error) {
      await load[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What was measured since the last mark. */
  mark(): Promise<Figures> {
    return this.ask("mark");
  }

  /** Gives a command and takes its answer. */
  async ask<Answer>(command: string): Promise<Answer> {
    const stopped = Promise.withResolvers<never>();
    const onAbort = () => stopped.reject(this.#signal.reason);
    this.#signal.throwIfAborted();
    this.#signal.addEventListener("abort", onAbort);
    try {
      // One that has failed takes no commands; reading says so.
      this.#writer.write(utf8.encode(command + "\n")).catch(() => "gone");
      return JSON.parse(await Promise.race([this.#line(), stopped.promise]));
    } finally {
      this.#signal.removeEventListener("abort", onAbort);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // It may have ended by itself; whoever asked it has been told.
    await this.#writer.close().catch(() => "gone");
    await this.#child.status;
    await this.#reader.cancel();
  }

  async #line(): Promise<string> {
    while (true) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new Error(`the load ${this.#kind} failed`);
      this.#text += value;
    }
  }
}

/** Waits, unless the bench is stopped. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return delay(ms, { signal });
}
