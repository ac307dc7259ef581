import type { Schedule } from "../simulate/schedule.ts";
import { type Mutant, simulated } from "./mutant.ts";

/** Each node in turn loses its connection to the bus, for less time than the others take to notice. */
const SHORT_OUTAGES: Omit<Schedule, "seed"> = {
  ...{ nodes: 3, users: 6, doubles: 0, groups: 1, span: 60_000, pace: 2500 },
  faults: Array.from({ length: 35 }, (_, i) => ({
    at: 3000 + 1500 * i,
    fault: { kind: "bus away", node: i % 3, for: 400 },
  })),
};

/** Faults about what is pushed, in which order, to whom, and what is found without having been announced. */
export const PUSH_MUTANTS: readonly Mutant[] = [
  {
    name: "hint believed without the log",
    check: simulated("gap", "not right"),
    changes: [{
      file: "server/services/inbox.ts",
      find: "seq === position.pushed + 1 && !this.#behind.has(conv)",
      replace: "seq > position.pushed",
    }],
  },
  {
    name: "no heal after reconnect",
    check: { by: "simulation", signs: ["late"], schedule: SHORT_OUTAGES },
    changes: [{
      file: "server/node.ts",
      find: `    interrupted: () => {
      delivery.resend();
      healer.heal();
    },`,
      replace: "    interrupted: () => {},",
    }, {
      file: "server/node.ts",
      find: `    onSilent: () => healer.heal(),
    onHeard: () => {
      delivery.resend();
      healer.heal();
      presence.look();
    },`,
      replace: "    onSilent: () => {},\n    onHeard: () => {},",
    }],
  },
  {
    name: "no look without hint",
    check: simulated("late", "not right"),
    changes: [{
      file: "server/services/healer.ts",
      find: "[every(POLL_INTERVAL, poll), every(interval, () => this.heal())]",
      replace: "[every(POLL_INTERVAL, poll), every(interval, () => {})]",
    }],
  },
  {
    name: "no look while the bus is away",
    check: simulated("late", "not right"),
    changes: [{
      file: "server/services/healer.ts",
      find: "[every(POLL_INTERVAL, poll), every(interval, () => this.heal())]",
      replace: "[every(POLL_INTERVAL, () => void poll), every(interval, () => this.heal())]",
    }],
  },
  {
    name: "what is pushed counts as delivered",
    check: simulated("gap", "not right"),
    changes: [{
      file: "server/services/inbox.ts",
      find: "if (this.#peer.generation === 1) this.#peer.push(push, () => this.written(message));",
      replace: "if (this.#peer.generation > 0) this.#peer.push(push, () => this.written(message));",
    }],
  },
  {
    name: "catch-up ends at a short page",
    check: {
      by: "test",
      file: "server/services/inbox_test.ts",
      name: "inbox: with its newest entries purged, a conversation is not asked for over and over",
    },
    changes: [{
      file: "server/services/inbox.ts",
      find: "if (page.length > 0) this.#settle(conv, position);",
      replace: "if (page.length >= size.limit) this.#settle(conv, position);",
    }],
  },
  {
    name: "own entries are not pushed to other devices",
    check: simulated("gap", "not right"),
    changes: [{
      file: "server/services/inbox.ts",
      find: "(this.#own?.has(message) ?? true)",
      replace: "(this.#own?.has(message) ?? true) !== undefined",
    }],
  },
  {
    name: "nodes do not know of each other's devices",
    check: simulated("late", "not right"),
    changes: [{
      file: "server/services/sessions.ts",
      find: "return this.#byUser.get(user)?.elsewhere ?? true;",
      replace: "return !this.#byUser.has(user);",
    }],
  },
  {
    name: "push out of order",
    check: simulated("shown late"),
    changes: [{
      file: "server/services/inbox.ts",
      find: `    for (const message of page) {
      if (message.seq <= position.pushed) continue;
`,
      replace: `    for (const message of page.toReversed()) {
`,
    }],
  },
  {
    name: "unsigned envelope believed",
    check: {
      by: "test",
      file: "server/bus/envelope_test.ts",
      name: "envelope: what no node of the cluster has signed is a hint at most",
    },
    changes: [{
      file: "server/bus/mac.ts",
      find: "return difference === 0;",
      replace: "return difference >= 0;",
    }],
  },
  {
    name: "receipts to non-members",
    check: simulated("not theirs", "receipt"),
    changes: [{
      file: "server/services/receipts.ts",
      find: "? peerOf(about, id) : undefined;",
      replace: "? peerOf(about, id) + 1 : undefined;",
    }],
  },
  {
    name: "receipts of more than was confirmed",
    check: simulated("receipt"),
    changes: [{
      file: "server/services/receipts.ts",
      find: "due[kind] = Math.max(due[kind], seq);",
      replace: "due[kind] = Math.max(due[kind], seq + 1);",
    }],
  },
  {
    name: "offline news dropped by an outage",
    check: {
      by: "test",
      file: "server/services/presence_test.ts",
      name: "presence: what cannot be told because the store is away is told",
    },
    changes: [{
      file: "server/services/presence.ts",
      find: `          await this.#pauses.pause(RETRY);
          continue;`,
      replace: "          await this.#pauses.pause(RETRY);",
    }],
  },
];
