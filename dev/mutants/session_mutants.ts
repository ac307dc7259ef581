import { type Mutant, simulated } from "./mutant.ts";

/** Faults about whose session counts, and what a node that cannot be sure may do. */
export const SESSION_MUTANTS: readonly Mutant[] = [
  {
    name: "lease without fence",
    check: simulated("served on", "order"),
    changes: [{
      file: "server/services/leases.ts",
      find: "if (!store.shared || monotonic() - this.#beaten < TTL - MARGIN) return true;",
      replace: "if (monotonic() >= 0 && store !== undefined) return true;",
    }],
  },
  {
    name: "two sessions after a takeover",
    check: simulated("served on"),
    changes: [{
      file: "server/services/leases.ts",
      find: "if (session.ended || (lease && !lease.wanted)) continue;",
      replace: "if (leases.size >= 0) continue;",
    }, {
      file: "server/services/leases.ts",
      find:
        "        await store.want({ user, device }, why);\n        this.#options.askToEvict({ user, session: holder.session }, why);\n",
      replace: "        await store.release(holder);\n",
    }],
  },
  {
    name: "a takeover ends all devices",
    check: {
      by: "test",
      file: "server/services/leases_test.ts",
      name: "leases: I13: devices of one user have sessions side by side; a takeover is about its own device",
    },
    changes: [{
      file: "server/services/leases.ts",
      find: "await store.want({ user, device }, why);",
      replace: "for (const other of await store.of(user)) await store.want(other, why);",
    }],
  },
  {
    name: "all devices have one cursor",
    check: simulated("gap", "not right"),
    changes: [{
      file: "server/services/overview.ts",
      find: ": await log.conversations(user, device);",
      replace: ": await log.conversations(user);",
    }],
  },
  {
    name: "a session that has ended is acknowledged",
    check: {
      by: "test",
      file: "server/services/delivery_test.ts",
      name: "delivery: a node that is not sure of its sessions tells both places, and acknowledges nothing",
    },
    changes: [{
      file: "server/services/chat.ts",
      find: "if (session.ended && mid !== null) {",
      replace: "if (session.ended && mid === null) {",
    }, {
      file: "server/services/delivery.ts",
      find: "if (result.stored.mid !== null && !this.#options.mayServe()) {",
      replace: "if (result.stored.mid === null && !this.#options.mayServe()) {",
    }],
  },
  {
    name: "dead nodes are never buried",
    check: simulated("not right", "ghost"),
    changes: [{
      file: "server/services/node_watch.ts",
      find: ".filter(([, { since }]) => now - since >= ms)",
      replace: ".filter(([, { since }]) => now - since >= ms * 1000)",
    }],
  },
];
