import { fileURLToPath } from "node:url";

/** One executable: what it is called, where it starts, and all that it may do. */
export interface Program {
  readonly name: string;
  /** Path of the entry module. */
  readonly entry: string;
  readonly permissions: readonly string[];
  /** Paths of the modules that threads of its own begin with. */
  readonly threads?: readonly string[];
}

/** The repository's top. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** What `deno task compile` builds. */
export const PROGRAMS: readonly Program[] = [
  {
    name: "chat-server",
    entry: `${ROOT}main.ts`,
    permissions: ["--allow-net", "--allow-env", "--allow-read", "--allow-write", "--allow-sys"],
    threads: [`${ROOT}server/stores/sqlite/thread.ts`],
  },
  {
    name: "chat-client",
    entry: `${ROOT}client/main.ts`,
    permissions: ["--allow-net"],
  },
];
