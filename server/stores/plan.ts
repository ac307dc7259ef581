import { type Effect, isPlain, kindOf } from "../protocol/kinds.ts";
import type { LogMessage } from "../protocol/messages.ts";
import type { Standing } from "../protocol/standing.ts";
import type { Appended, NewMessage } from "./store.ts";

/** What a store knows when it plans. Only what {@linkcode plan} asks about the entries at hand has to be known. */
export interface Facts {
  /** A conversation's newest number, 0 if it has begun and is empty, undefined if it has not begun. */
  newest(conv: string): number | undefined;
  /** The message that was stored under this entry's sender and mid, if there is one. */
  stored(entry: NewMessage): LogMessage | undefined;
  /** Whether somebody has this id. Asked when a conversation of two begins. */
  isUser(id: number): boolean;
  /** What the entry's kind needs. Not asked for plain kinds. */
  standing(entry: NewMessage): Standing;
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
 * whenever the store finds that the facts were not true any more. The entries have to be one of the {@linkcode runs}:
 * an entry that is not plain depends on what those before it have changed, so it is planned when that has been done.
 */
export function plan<Entry extends NewMessage>(
  entries: readonly Entry[],
  { facts, at, before = new Written() }: { facts: Facts; at: number; before?: Written },
): Plan<Entry> {
  const rows: Row<Entry>[] = [];

  const outcomeOf = (entry: Entry): Appended => {
    const { conv, kind, sender, senderName, to, mid, body, ref } = entry;
    const stored = before.find(entry) ?? facts.stored(entry);
    if (stored) return { stored, fresh: false };
    const known = before.newest(conv) ?? facts.newest(conv);
    if (known === undefined) {
      if (to === undefined) return { refused: "not_a_member" };
      if (!facts.isUser(to)) return { refused: "no_user" };
    }
    const { may, effects, places } = kindOf(kind);
    if (!places.includes(to === undefined ? "group" : "pair")) return { refused: "not_here" };
    const refused = isPlain(entry) ? undefined : may(entry, facts.standing(entry));
    if (refused) return { refused };
    const seq = (known ?? 0) + 1;
    const about = ref === undefined ? {} : { ref };
    const message: LogMessage = { conv, seq, kind, sender, senderName, mid, body, at, ...about };
    before.add(message);
    rows.push({ entry, message, begins: known === undefined, effects });
    return { stored: message, fresh: true };
  };

  return { outcomes: entries.map(outcomeOf), rows };
}

/** Entries as they may be planned and written: plain ones together, each of the others alone. In their order. */
export function runs<Entry extends NewMessage>(entries: readonly Entry[]): Entry[][] {
  const all: Entry[][] = [];
  let isLastPlain = false;
  for (const entry of entries) {
    const isAlso = isPlain(entry);
    if (isAlso && isLastPlain) all.at(-1)!.push(entry);
    else all.push([entry]);
    isLastPlain = isAlso;
  }
  return all;
}

/**
 * What has been planned in one transaction so far, which the facts do not have yet. Found by the mid alone first: two
 * senders seldom have the same.
 */
export class Written {
  readonly #byMid = new Map<string, LogMessage[]>();
  readonly #newest = new Map<string, number>();

  find({ sender, mid }: NewMessage): LogMessage | undefined {
    return mid === null ? undefined : this.#byMid.get(mid)?.find((message) => message.sender === sender);
  }

  newest(conv: string): number | undefined {
    return this.#newest.get(conv);
  }

  add(message: LogMessage): void {
    this.#newest.set(message.conv, message.seq);
    if (message.mid === null) return;
    const others = this.#byMid.get(message.mid);
    if (others) others.push(message);
    else this.#byMid.set(message.mid, [message]);
  }
}
