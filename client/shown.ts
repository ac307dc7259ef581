import { Msg } from "../server/protocol/msgid.ts";
import type { Push } from "./frames.ts";

/** So many of the entries shown last are remembered. */
const REMEMBERED = 4096;

/**
 * Which entries were shown lately, whatever number they have. When the server's database comes back older, entries
 * are pushed again, and those that it had lost come back under new numbers.
 */
export class Shown {
  readonly #keys = new Set<string>();

  /** Notes an entry; false if it was shown before. */
  add(push: Push): boolean {
    const key = keyOf(push);
    if (key === undefined) return true;
    if (this.#keys.has(key)) return false;
    this.#keys.add(key);
    if (this.#keys.size > REMEMBERED) {
      for (const oldest of this.#keys.values().take(1)) this.#keys.delete(oldest);
    }
    return true;
  }
}

/** A sender uses a mid once. An entry without one is told by its place and time together. */
function keyOf(push: Push): string | undefined {
  const { conv, seq, at } = push;
  const isMessage = push.msgid === Msg.CHAT || push.msgid === Msg.GROUP_CHAT;
  if (isMessage && push.mid !== undefined) return `${push.id} ${push.mid}`;
  return conv === undefined || seq === undefined || at === undefined ? undefined : `${conv} ${seq} ${at}`;
}
