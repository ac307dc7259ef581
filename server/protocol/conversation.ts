/** Two people, or a group. */
export type Conversation =
  | { readonly kind: "pair"; readonly low: number; readonly high: number }
  | { readonly kind: "group"; readonly group: number };

/** The name of the conversation of two users, in either order: `u<lower id>-<higher id>`. */
export function pairConv(a: number, b: number): string {
  return a < b ? `u${a}-${b}` : `u${b}-${a}`;
}

/** The name of a group's conversation: `g<group id>`. */
export function groupConv(group: number): string {
  return `g${group}`;
}

/** What a conversation's name says; undefined if it is not one that {@linkcode pairConv} or {@linkcode groupConv} makes. */
export function parseConv(conv: string): Conversation | undefined {
  const first = conv.charCodeAt(0);
  if (first === GROUP) {
    const group = idAt(conv, { from: 1, to: conv.length });
    return group > 0 ? { kind: "group", group } : undefined;
  }
  const dash = conv.indexOf("-");
  if (first !== PAIR || dash < 0) return undefined;
  const low = idAt(conv, { from: 1, to: dash });
  const high = idAt(conv, { from: dash + 1, to: conv.length });
  return low > 0 && low <= high ? { kind: "pair", low, high } : undefined;
}

const GROUP = 0x67; // g
const PAIR = 0x75; // u
const ZERO = 0x30;

/**
 * The id whose digits stand there, or 0 if none do. Every message passes here three times: reading digits instead of
 * making strings and comparing them halves it.
 */
function idAt(text: string, { from, to }: { from: number; to: number }): number {
  let id = 0;
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (!(digit >= 0 && digit <= 9) || (digit === 0 && at === from)) return 0;
    id = id * 10 + digit;
  }
  return id <= Number.MAX_SAFE_INTEGER ? id : 0;
}

/** The one of a pair who is not `user`; `user` itself in the conversation that someone has with themself. */
export function peerOf(pair: { low: number; high: number }, user: number): number {
  return pair.low === user ? pair.high : pair.low;
}
