import { HistoryFile } from "../proof/history_file.ts";
import type { ChatNode } from "./node.ts";

/** What shows what went wrong: the clients' history and the nodes' logs, in a folder that goes unless it is kept. */
export class Evidence implements AsyncDisposable {
  /** The clients' history. */
  readonly history: HistoryFile;
  readonly #folder: string;
  #kept = false;

  private constructor(folder: string, path: string) {
    this.#folder = folder;
    this.history = new HistoryFile(path);
  }

  /** @param path A file for the history that stays in any case. */
  static async gather(path?: string): Promise<Evidence> {
    const folder = await Deno.makeTempDir({ prefix: "chat-faults-" });
    try {
      return new Evidence(folder, path ?? `${folder}/history.jsonl`);
    } catch (error) {
      await Deno.remove(folder);
      throw error;
    }
  }

  /** Adds what the nodes logged; it all stays in the folder that this resolves to. */
  async keep(nodes: readonly ChatNode[]): Promise<string> {
    this.#kept = true;
    for (const node of nodes) {
      await Deno.writeTextFile(`${this.#folder}/node-${node.port}.log`, await node.log({ bytes: Infinity }));
    }
    return this.#folder;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.history[Symbol.dispose]();
    if (!this.#kept) await Deno.remove(this.#folder, { recursive: true });
  }
}
