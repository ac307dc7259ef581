import { type Between, type Effect, EFFECTS, kindOf, type Refused } from "../protocol/kinds.ts";
import type { LogMessage } from "../protocol/messages.ts";
import type { Appended, NewMessage } from "./store.ts";

/** What a store knows when it plans. Only what {@linkcode plan} asks about the entries at hand has to be known. */
export interface Facts {
  /** A conversation's newest number, 0 if it has begun and is empty, undefined if it has not begun. */
  newest(conv: string): number | undefined;
  /** The message that was stored under this entry's sender and mid, if there is one. */
  stored(entry: NewMessage): LogMessage | undefined;
  /** Whether somebody has this id. Asked when a conversation of two begins. */
  isUser(id: number): boolean;
  /** How the entry's sender stands to the one it is for. Asked for kinds with effects. */
  between(entry: NewMessage): Between;
}

/** A row to be inserted. */
export interface Row<Entry> {
  readonly entry: Entry;
  readonly message: LogMessage;
  /** Whether the conversation begins with it: its members have to be made known first. */
  readonly begins: boolean;
  /** What has to be done in the same commit. */
  readonly effects: readonly Effect[];
}

export interface Plan<Entry> {
  /** What becomes of each entry once the rows are committed. */
  readonly outcomes: readonly Appended[];
  /** In the order of the entries, numbers of a conversation without holes. */
  readonly rows: readonly Row<Entry>[];
}

/**
 * Decides what is written for some entries, in their order. Pure: the same for every store, and again with fresh facts
 * whenever the store finds that the facts were not true any more. An entry sees what those before it change.
 */
export function plan<Entry extends NewMessage>(
  entries: readonly Entry[],
  { facts, at }: { facts: Facts; at: number },
): Plan<Entry> {
  const newest = new Map<string, number>();
  const written = new Written();
  const between = new Map<string, Between>();
  const rows: Row<Entry>[] = [];

  const outcomeOf = (entry: Entry): Appended => {
    const { conv, kind, sender, senderName, to, mid, body } = entry;
    const stored = written.find(entry) ?? facts.stored(entry);
    if (stored) return { stored, fresh: false };
    const known = newest.get(conv) ?? facts.newest(conv);
    if (known === undefined) {
      if (to === undefined) return { refused: "not_a_member" };
      if (!facts.isUser(to)) return { refused: "no_user" };
    }
    const { effects } = kindOf(kind);
    if (effects.length > 0) {
      const refused = step(entry, effects);
      if (refused) return { refused };
    }
    const seq = (known ?? 0) + 1;
    const message: LogMessage = { conv, seq, kind, sender, senderName, mid, body, at };
    newest.set(conv, seq);
    written.add(message);
    rows.push({ entry, message, begins: known === undefined, effects });
    return { stored: message, fresh: true };
  };

  /** Looks how two people stand to each other, and how they will. */
  const step = (entry: Entry, effects: readonly Effect[]): Refused | undefined => {
    const { sender, to } = entry;
    if (to === undefined) return "no_request";
    const mine = `${sender} ${to}`;
    const now = between.get(mine) ?? facts.between(entry);
    const refused = kindOf(entry.kind).may(now);
    if (refused) return refused;
    const then = effects.reduce((so, effect) => EFFECTS[effect](so), now);
    between.set(mine, then);
    between.set(`${to} ${sender}`, { friends: then.friends, asked: then.wanted, wanted: then.asked });
    return undefined;
  };

  return { outcomes: entries.map(outcomeOf), rows };
}

/** What this plan writes, by sender and mid. Found by the mid alone first: two senders seldom have the same. */
class Written {
  readonly #byMid = new Map<string, LogMessage[]>();

  find({ sender, mid }: NewMessage): LogMessage | undefined {
    return mid === null ? undefined : this.#byMid.get(mid)?.find((message) => message.sender === sender);
  }

  add(message: LogMessage): void {
    if (message.mid === null) return;
    const others = this.#byMid.get(message.mid);
    if (others) others.push(message);
    else this.#byMid.set(message.mid, [message]);
  }
}
