import { type Mutant, simulated } from "./mutant.ts";

/** Faults about what is in the log, under which number, and who is told that it is. */
export const LOG_MUTANTS: readonly Mutant[] = [
  {
    name: "ack before commit",
    check: simulated("lost", "moved", "gap", "not right"),
    changes: [{
      file: "server/services/delivery.ts",
      find: `    const result = await inbox.sends(message, () => this.#options.log.append(message));
    if ("refused" in result) {
      const { errno, errmsg } = REFUSED[result.refused];
      throw new Refusal(errno, errmsg);
    }
`,
      replace: `    const { log, system } = this.#options;
    const [newest] = await log.read({ conv: message.conv, before: Number.MAX_SAFE_INTEGER, limit: 1 });
    log.append(message).then((late) => {
      if ("stored" in late) this.#distribute(late.stored);
    }, () => undefined);
    const result = {
      stored: { ...message, seq: (newest?.seq ?? 0) + 1, at: Math.floor(system.monotonic()) } as unknown as LogMessage,
    };
    if (newest === undefined && message.to !== undefined && message.to < 0) {
      throw new Refusal(REFUSED.no_user.errno, REFUSED.no_user.errmsg);
    }
`,
    }, {
      file: "server/services/delivery.ts",
      find: `    this.#distribute(result.stored);
    // A commit`,
      replace: `    // A commit`,
    }],
  },
  {
    name: "idempotence for 30 s only",
    check: simulated("stored twice"),
    changes: [{
      file: "server/stores/plan.ts",
      find: "if (stored) return { stored, fresh: false };",
      replace: "if (stored && at - stored.at < 30_000) return { stored, fresh: false };",
    }],
  },
  {
    name: "the text stays after a recall",
    check: simulated("recalled"),
    changes: [{
      file: "server/protocol/kinds.ts",
      find: 'effects: ["erase"],',
      replace: "effects: [],",
    }],
  },
  {
    name: "an older database is never noticed",
    check: simulated("moved", "lost", "gap", "stored twice", "not right"),
    changes: [{
      file: "server/services/leases.ts",
      find: "const isOlder = older || this.#former.has(log) || (ours",
      replace: "const isOlder = false && (ours",
    }, {
      file: "server/services/leases.ts",
      find: "if (log === this.#log) return;",
      replace: "if (log !== undefined) return;",
    }, {
      file: "server/services/leases.ts",
      find: "    this.#doubts++;\n    this.#beaten = -Infinity;\n",
      replace: "",
    }],
  },
  {
    name: "receipts of an older log told",
    check: simulated("receipt"),
    changes: [{
      file: "server/node.ts",
      find: "      receipts.forget();\n",
      replace: "",
    }, {
      file: "server/bus/envelope.ts",
      find: 'if (data.log !== this.#log() && isAboutEntry(data.envelope)) return "hint";',
      replace: 'if (data.envelope.type === "message" && data.log !== this.#log()) return "hint";',
    }],
  },
  {
    name: "group entry before its join",
    check: simulated("not theirs"),
    changes: [{
      file: "server/services/sessions.ts",
      find: "session.inbox.enter(conv, joined.seq);",
      replace: "session.inbox.enter(conv, 0);",
    }],
  },
  {
    name: "a batch's one error taken for all",
    check: {
      by: "test",
      file: "server/stores/group_commit_test.ts",
      name: "group commit: an entry that cannot be stored is a result",
    },
    changes: [{
      file: "server/stores/group_commit.ts",
      find: "const results = await this.#commit(batch.map((waiter) => waiter.entry));",
      replace: "const results = await Promise.all(await this.#commit(batch.map((waiter) => waiter.entry)));",
    }],
  },
  {
    name: "fsync left out",
    check: { by: "power" },
    changes: [{
      file: "server/stores/sqlite/filing.ts",
      find: "this.#db.exec(`PRAGMA synchronous = ${this.#synchronous}`);",
      replace: "",
    }],
  },
];
