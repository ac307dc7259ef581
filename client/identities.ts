import { Msg } from "../server/protocol/msgid.ts";

/** So many places are remembered, those of the latest entries. */
const REMEMBERED = 4096;

/** What says which entry it is: a push has all of it, of an own message MESSAGE_ACK and the client together. */
export interface Named {
  readonly msgid: number;
  /** The sender; entries about friends have none. */
  readonly id?: number | undefined;
  readonly mid?: string | undefined;
  readonly conv?: string | undefined;
  readonly seq?: number | undefined;
  readonly at?: number | undefined;
}

/**
 * The identity of an entry, the same however often it comes. A sender uses a mid once; an entry without one is told
 * by its place and time together. Undefined for what a server that speaks v1 sends.
 */
export function identityOf(entry: Named): string | undefined {
  const { id, mid, conv, seq, at } = entry;
  const isSent = entry.msgid === Msg.CHAT || entry.msgid === Msg.GROUP_CHAT || entry.msgid === Msg.EVENT;
  if (isSent && mid !== undefined) return `${id} ${mid}`;
  return conv === undefined || seq === undefined || at === undefined ? undefined : `${conv} ${seq} ${at}`;
}

/**
 * Which entry was met under which number. Another one under a number that is known here is the sign of another
 * history: the database came back older while no node ran, and others have filled it up to here again.
 */
export class Identities {
  readonly #places = new Map<string, string>();

  /** Notes an entry; false if another one is known under its number. */
  agrees(entry: Named): boolean {
    const identity = identityOf(entry);
    if (identity === undefined || entry.conv === undefined || entry.seq === undefined) return true;
    const place = `${entry.conv} ${entry.seq}`;
    const known = this.#places.get(place);
    if (known !== undefined) return known === identity;
    this.#places.set(place, identity);
    if (this.#places.size > REMEMBERED) {
      for (const oldest of this.#places.keys().take(1)) this.#places.delete(oldest);
    }
    return true;
  }

  /** The numbers of the conversations mean other entries now. */
  forget(): void {
    this.#places.clear();
  }
}
