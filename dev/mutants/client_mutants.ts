import { type Mutant, simulated } from "./mutant.ts";

/** Faults of the client. */
export const CLIENT_MUTANTS: readonly Mutant[] = [
  {
    name: "client: nothing is sent again after an older log",
    check: simulated("lost"),
    changes: [{
      file: "client/account.ts",
      find: "const lost = this.#acknowledged.take().flatMap",
      replace: "const lost = this.#acknowledged.take().slice(0, 0).flatMap",
    }],
  },
  {
    name: "client: does not wait for the acknowledgement of the message before",
    check: simulated("order"),
    changes: [{
      file: "client/unacknowledged.ts",
      find: `      if (busy.has(entry.item.target)) continue;
      busy.add(entry.item.target);
      if (entry.notBefore > now) continue;`,
      replace: "      if (busy.has(entry.item.target) || entry.notBefore > now) continue;",
    }, {
      file: "client/unacknowledged.ts",
      find: `      if (busy.has(item.target)) continue;
      busy.add(item.target);
      due =`,
      replace: "      if (busy.has(item.target)) continue;\n      due =",
    }],
  },
  {
    name: "client: forgets to send again after a reconnect",
    check: simulated("not right"),
    changes: [{
      file: "client/unacknowledged.ts",
      find: "for (const [mid, { item }] of this.#entries) this.#entries.set(mid, entryOf(item));",
      replace: "for (const [mid, { inFlight }] of this.#entries) if (inFlight) this.#entries.delete(mid);",
    }],
  },
  {
    name: "client: confirms what it has not shown",
    check: simulated("receipt"),
    changes: [{
      file: "client/received.ts",
      find: `if (isNew) this.#receipts.note(conv, { seq, kind: "delivered" });`,
      replace: `if (isNew) this.#receipts.note(conv, { seq: seq + 1, kind: "read" });`,
    }],
  },
  {
    name: "client: shows what it has shown",
    check: simulated("shown twice"),
    changes: [{
      file: "client/received.ts",
      find: "const isNew = isNext && this.#shown.add(push);",
      replace: "const isNew = isNext || !this.#shown.add(push);",
    }],
  },
];
