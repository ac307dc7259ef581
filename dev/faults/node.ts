import { Daemon, launch, type Place } from "../services/process.ts";
import { serverCommand } from "../e2e/server_process.ts";
import type { Previous } from "./previous.ts";
import { ROOT } from "./sources.ts";

const CLOCK_AHEAD = new URL("./clock_ahead.ts", import.meta.url).pathname;
/** Longer than a node takes to say goodbye to everybody, in ms. */
const STOP_WITHIN = 30_000;

/** Of which version a node is: this one, or the one before it. */
export type Version = "present" | "previous";

export interface NodeOptions {
  /** Flags beside the port. */
  readonly flags: readonly string[];
  /** The folder of the sources to run; if left out, what TEST_CHAT_SERVER names, or else the repository's. */
  readonly sources?: string | undefined;
  /** The version before this one, with which the node begins. */
  readonly previous?: Previous | undefined;
}

/** Starts a node on a loopback port of its own, which it keeps over restarts. */
export async function startNode(options: NodeOptions): Promise<ChatNode> {
  return await launch(async (place) => {
    const node = new ChatNode(place, options);
    await node.become(options.previous ? "previous" : "present");
    return node;
  });
}

/** A chat server as a process of its own. */
export class ChatNode extends Daemon {
  readonly #options: NodeOptions;
  #version: Version = "present";
  #ahead = 0;
  #logStart = 0;

  constructor(place: Place, options: NodeOptions) {
    // The script is written anew when the clock changes.
    super(place, { name: "node", deathSignal: "KILL", command: ["sh", `${place.folder}/run`] });
    this.#options = options;
  }

  get version(): Version {
    return this.#version;
  }

  /** From its next start on the node is of this version. */
  async become(version: Version): Promise<void> {
    this.#version = version;
    await this.#writeScript();
  }

  /** From its next start on the node believes that it is so much later, in ms. */
  async setClock(ahead: number): Promise<void> {
    this.#ahead = ahead;
    await this.#writeScript();
  }

  /** Starts it, again and again if it cannot start because something that it needs is away, as a supervisor would. */
  async startUntilUp(): Promise<void> {
    for (let attempt = 1;; attempt++) {
      try {
        return await this.start();
      } catch (error) {
        if (attempt === 5) throw error;
      }
    }
  }

  override async start(): Promise<void> {
    this.#logStart = await this.logSize();
    await super.start();
  }

  /** SIGTERM, and waits for its end; whether it ended by itself, in order. */
  async shutDown(): Promise<boolean> {
    const from = await this.logSize();
    this.signal("SIGTERM");
    const deadline = Date.now() + STOP_WITHIN;
    while (this.isRunning && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
    await this.kill();
    return /\bstopped\b/.test(await this.log({ from, bytes: Infinity }));
  }

  /** What it logged that nobody foresaw. */
  async defects(): Promise<string[]> {
    const log = await this.log({ bytes: 4_000_000 });
    return log.split("\n").filter((line) => line.includes(" defect "));
  }

  protected override async isReady(): Promise<boolean> {
    return (await this.log({ from: this.#logStart })).includes("listening on ");
  }

  async #writeScript(): Promise<void> {
    const flags = [`--port=${this.port}`, "--password-cost=10", ...this.#options.flags];
    const { command, args } = this.#command(flags);
    const line = ["exec", command, ...args].map(quoted).join(" ");
    await Deno.writeTextFile(`${this.folder}/run`, `export CLOCK_AHEAD_MS=${this.#ahead}\n${line}\n`);
  }

  /** Only a server that runs from its sources has a clock that can be wrong: an executable is replaced by them then. */
  #command(flags: readonly string[]): { command: string; args: string[] } {
    const { previous, sources } = this.#options;
    const before = this.#version === "previous" ? previous?.program : undefined;
    const wrongClock = this.#ahead !== 0;
    if (before && "executable" in before && !wrongClock) {
      return { command: before.executable, args: [...flags] };
    }
    const folder = before && "folder" in before ? before.folder : sources;
    if (folder === undefined && !wrongClock) return serverCommand(flags);
    const preload = wrongClock ? [`--preload=${CLOCK_AHEAD}`] : [];
    return {
      command: Deno.execPath(),
      args: ["run", "-A", ...preload, `${folder ?? ROOT}/main.ts`, ...flags],
    };
  }
}

const quoted = (word: string) => word === "exec" ? word : `'${word.replaceAll("'", `'\\''`)}'`;
