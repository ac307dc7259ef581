import type { Broken } from "../mutants/build.ts";

/** A server that is broken on purpose, to see that the suite notices. */
export interface Mutant extends Broken {
  readonly name: string;
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
        find: "(lease && !lease.wanted)",
        replace: "!lease?.wanted",
      },
    ],
  },
} as const satisfies Record<string, Mutant>;
