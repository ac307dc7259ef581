import { ROOT, SOURCES } from "./sources.ts";

/** One change of a text, that must fit in exactly one place. */
interface Change {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A server that is broken on purpose, to see that the suite notices. */
export interface Mutant {
  readonly name: string;
  readonly changes: readonly Change[];
}

export const MUTANTS = {
  /** What is acknowledged is committed a moment later, or not, if the node dies first. */
  ackBeforeCommit: {
    name: "ack before commit",
    changes: [
      {
        file: "server/stores/mysql/append.ts",
        find: "await insert(session, rows);",
        replace: `const late = () => this.#options.others.withSession((other) => insert(other, rows));
    setTimeout(() => late().catch(() => undefined), 30);`,
      },
    ],
  },
  /** The same mid again is stored again. */
  noIdempotence: {
    name: "mid-idempotence off",
    changes: [
      {
        file: "sql/mysql/001_schema.sql",
        find: "UNIQUE KEY message_mid (sender, mid)",
        replace: "KEY message_mid (sender, mid)",
      },
      {
        file: "server/stores/plan.ts",
        find: "if (stored) return { stored, fresh: false };",
        replace: "",
      },
    ],
  },
  /** Nobody asks the log for what the bus did not say. */
  noHealing: {
    name: "healing off",
    changes: [
      {
        file: "server/services/healer.ts",
        find: "  heal(): void {\n",
        replace: "  heal(): void {\n    if (this.#options !== undefined) return;\n",
      },
      {
        file: "server/services/sequencer.ts",
        find: "const limit = Math.min(MOST, newest - known.last);",
        replace: "const limit = newest - newest;",
      },
      {
        file: "server/services/inbox.ts",
        find: "seq === position.pushed + 1 && !this.#behind.has(conv)",
        replace: "seq > position.pushed",
      },
    ],
  },
  /** A node serves whoever is connected to it, whether or not their sessions are still its own. */
  noFencing: {
    name: "fencing off",
    changes: [
      {
        file: "server/services/leases.ts",
        find: "if (!store.shared || monotonic() - this.#beaten < TTL - MARGIN) return true;",
        replace: "if (monotonic() > 0 && store !== undefined) return true;",
      },
      {
        file: "server/services/leases.ts",
        find: "leases.get(session.id)?.wanted === false",
        replace: "leases.get(session.id)?.wanted !== true",
      },
    ],
  },
} as const satisfies Record<string, Mutant>;

/** The folder with the broken server's sources, which is removed with it. */
export interface Build extends AsyncDisposable {
  readonly folder: string;
}

/** Copies the sources and breaks them. @throws {Error} if a change does not fit in exactly one place. */
export async function build(mutant: Mutant): Promise<Build> {
  const folder = await Deno.makeTempDir({ prefix: "chat-mutant-" });
  const made = { folder, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
  try {
    for (const name of SOURCES) await copy(ROOT + name, `${folder}/${name}`);
    for (const change of mutant.changes) await apply(folder, change);
    return made;
  } catch (error) {
    await made[Symbol.asyncDispose]();
    throw error;
  }
}

async function apply(folder: string, { file, find, replace }: Change): Promise<void> {
  const text = await Deno.readTextFile(`${folder}/${file}`);
  const parts = text.split(find);
  if (parts.length !== 2) {
    throw new Error(`${file} has ${parts.length - 1} places like ${JSON.stringify(find)}, not one`);
  }
  await Deno.writeTextFile(`${folder}/${file}`, parts.join(replace));
}

async function copy(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) return await Deno.copyFile(from, to);
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) await copy(`${from}/${name}`, `${to}/${name}`);
}
