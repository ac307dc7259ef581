import { Msg } from "../server/protocol/msgid.ts";
import type { Account } from "./account.ts";
import type { Ask } from "./ask.ts";
import type { Clock } from "./clock.ts";
import { formatTime, foundLine, historyLine } from "./format.ts";
import { type FrameOf, readPush } from "./frames.ts";
import type { Found, Lookup } from "./lookup.ts";
import { sanitize } from "./sanitize.ts";
import type { Amendment, SlashAction, Which } from "./slash.ts";

const DEFAULT_HISTORY = 20;
/** So many members of a group are printed, in pages. */
const MOST_MEMBERS = 1000;
const PAGE = 200;
/** A search that has found nothing yet goes on so often. */
const MOST_SEARCHES = 20;

type Of<D extends SlashAction["do"]> = Extract<SlashAction, { do: D }>;
type Done = FrameOf<typeof Msg.DONE>;

/** Carries out the commands that begin with a slash. */
export class Chores {
  readonly #clock: Clock;
  readonly #ask: Ask;
  readonly #lookup: Lookup;

  constructor(parts: { clock: Clock; ask: Ask; lookup: Lookup }) {
    this.#clock = parts.clock;
    this.#ask = parts.ask;
    this.#lookup = parts.lookup;
  }

  run(action: SlashAction, account: Account): void {
    switch (action.do) {
      case "amend":
        return this.#amend(action, account);
      case "unfriend":
        return this.#lookup.person(action.who, account, (id) => {
          this.#event(account, { conv: account.convWith(id), kind: "unfriend" }, {
            whom: `end of the friendship with ${id}`,
            stored: () => account.roster.unfriend(id),
          });
        });
      case "members":
        return this.#lookup.room(
          action.room,
          account,
          (group) => this.#members({ group, after: 0, shown: 0 }),
        );
      case "search":
        return this.#search(action, account);
      case "history":
        return this.#lookup.place(action.with, account, ({ conv }) => this.#history(conv, action.count));
      case "requests":
        return this.#ask.say(...account.roster.requestLines());
      case "devices":
        return this.#devices();
      case "end device":
        return this.#request("devices", { msgid: Msg.DEVICES, do: "end", device: action.device }, () => {
          this.#ask.say(`device ${sanitize(action.device)} is logged out`);
        });
    }
  }

  #amend({ where, which, change }: Of<"amend">, account: Account): void {
    this.#lookup.place(where, account, (found) => {
      const ref = seqOf(which, { account, found, change });
      if (ref === undefined) {
        return this.#ask.refused(
          `no message there since you logged in: say its number, /history shows it`,
        );
      }
      if (change.kind === "reply") {
        const { called, conv, to } = found;
        const what = sanitize(change.msg);
        const plain = { ...to, msg: change.msg };
        return account.send({ ...plain, re: ref }, {
          numbered: { instead: plain },
          target: targetOf(conv, account),
          whom: `to ${called}`,
          what,
        });
      }
      const { kind, ...fields } = change;
      this.#event(account, { conv: found.conv, kind, ref, ...fields }, {
        whom: `${DEEDS[kind]} #${ref} to ${found.called}`,
      });
    });
  }

  #members({ group, after, shown }: { group: number; after: number; shown: number }): void {
    const frame = { msgid: Msg.MEMBERS, groupid: group, after, limit: PAGE };
    this.#request("members", frame, ({ members = [], more = false }) => {
      this.#ask.say(...members.map(({ id, name, state, role, muted }) => {
        const marks = [role === "normal" ? "" : role, muted && muted > this.#clock.now() ? "muted" : ""]
          .filter((mark) => mark !== "").map((mark) => ` ${sanitize(mark)}`);
        return `group ${group} member [${id}] ${sanitize(name)} ${sanitize(state)}${marks.join("")}`;
      }));
      const last = members.at(-1);
      if (!more || !last) return;
      const count = shown + members.length;
      if (count < MOST_MEMBERS) return this.#members({ group, after: last.id, shown: count });
      this.#ask.say(`group ${group} has more members than these ${count}`);
    });
  }

  #search({ text, where }: Of<"search">, account: Account): void {
    const search = (conv?: string, before?: string, looked = 0) => {
      const frame = {
        ...{ msgid: Msg.SEARCH, q: text, limit: DEFAULT_HISTORY },
        ...(conv !== undefined && { conv }),
        ...(before !== undefined && { before }),
      };
      this.#request("search", frame, ({ found = [], more = false, before: next }) => {
        // It looks for a second, and then says how far it has come.
        const goesOn = found.length === 0 && more && next !== undefined && looked < MOST_SEARCHES;
        if (goesOn) return search(conv, next, looked + 1);
        const pushes = found.map(readPush).filter((push) => push !== undefined);
        pushes.sort((a, b) => (a.at ?? 0) - (b.at ?? 0));
        this.#ask.say(...pushes.flatMap((push) => foundLine(push, this.#clock.now()) ?? []));
        this.#ask.say(`search: ${counted(pushes.length)}${more ? ", there may be older ones" : ""}`);
      });
    };
    if (where === undefined) search();
    else this.#lookup.place(where, account, ({ conv }) => search(conv));
  }

  #history(conv: string, count = DEFAULT_HISTORY): void {
    this.#ask.ask("history", {
      frame: { msgid: Msg.HISTORY, conv, limit: count },
      repeatable: true,
      done: (answer) => {
        if (answer.msgid === Msg.HISTORY_ACK) this.#showHistory(answer);
      },
    });
  }

  #showHistory({ conv, messages, more }: FrameOf<typeof Msg.HISTORY_ACK>): void {
    const pushes = messages.map(readPush).filter((push) => push !== undefined);
    pushes.sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0));
    this.#ask.say(...pushes.flatMap((push) => historyLine(push, this.#clock.now()) ?? []));
    const unreadable = messages.length - pushes.length;
    const rest = (unreadable > 0 ? `, ${unreadable} unreadable` : "") +
      (more ? ", there are older ones" : "");
    this.#ask.say(`history ${sanitize(conv)}: ${counted(pushes.length)}${rest}`);
  }

  #devices(): void {
    this.#request("devices", { msgid: Msg.DEVICES, do: "list" }, ({ devices = [] }) => {
      this.#ask.say(...devices.map(({ device, client, seen, online }) => {
        const name = device === "" ? "(without a name)" : sanitize(device);
        const state = online ? "online" : seen ? `last seen ${formatTime(seen)}` : "offline";
        return `device ${name}${client ? ` ${sanitize(client)}` : ""}: ${state}`;
      }));
    });
  }

  #event(
    account: Account,
    fields: { readonly conv: string; readonly kind: string } & Record<string, unknown>,
    { whom, stored }: { whom: string; stored?: () => void },
  ): void {
    account.send({ msgid: Msg.EVENT, ...fields }, {
      target: targetOf(fields.conv, account),
      whom,
      what: undefined,
      stored,
      ...("ref" in fields && { numbered: {} }),
    });
  }

  #request(
    command: string,
    frame: { readonly msgid: Msg } & Record<string, unknown>,
    done: (answer: Done) => void,
    { repeatable = true } = {},
  ): void {
    this.#ask.ask(command, {
      frame,
      repeatable,
      done: (answer) => {
        if (answer.msgid === Msg.DONE) done(answer);
      },
    });
  }
}

/** What an amendment is called in what is printed. */
const DEEDS = { edit: "edit of", recall: "recall of", react: "reaction to" } as const;

/** One edits and recalls one's own, and answers others. */
function seqOf(
  which: Which,
  { account, found, change }: { account: Account; found: Found; change: Amendment },
): number | undefined {
  if (which !== "last") return which;
  const isOwn = change.kind === "edit" || change.kind === "recall";
  return account.latest.get(found.conv, isOwn ? "own" : "others");
}

function counted(count: number): string {
  return `${count} message${count === 1 ? "" : "s"}`;
}

/** Messages of one target go one after another: events of a conversation do, with its messages. */
function targetOf(conv: string, account: Account): string {
  const pair = /^u(\d+)-(\d+)$/.exec(conv);
  if (!pair) return conv;
  const [, low, high] = pair;
  return Number(low) === account.id ? `u${high}` : `u${low}`;
}
