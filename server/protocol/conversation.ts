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
  if (conv.startsWith("g")) {
    const group = Number(conv.slice(1));
    return isId(group) && groupConv(group) === conv ? { kind: "group", group } : undefined;
  }
  const dash = conv.indexOf("-");
  if (!conv.startsWith("u") || dash < 0) return undefined;
  const low = Number(conv.slice(1, dash));
  const high = Number(conv.slice(dash + 1));
  return isId(low) && isId(high) && low <= high && pairConv(low, high) === conv
    ? { kind: "pair", low, high }
    : undefined;
}

/** The one of a pair who is not `user`; `user` itself in the conversation that someone has with themself. */
export function peerOf(pair: { low: number; high: number }, user: number): number {
  return pair.low === user ? pair.high : pair.low;
}

const isId = (value: number) => Number.isSafeInteger(value) && value > 0;
