import { groupConv, pairConv } from "../../../server/protocol/conversation.ts";
import type { Kind } from "../../../server/protocol/kinds.ts";
import type { NewMessage } from "../../../server/stores/store.ts";

/** Something that a node is asked for. */
export type Wish = NewMessage | { readonly join: number; readonly user: number; readonly conv: string };

/** Two people in a conversation that nothing has been written to, or in a group. */
export interface Place {
  readonly conv: string;
  readonly users: readonly [number, number];
  /** The group's id; of its people only the first one is a member. */
  readonly group?: number;
}

/** Whether both nodes know the newest numbers at the beginning, or have found out that the other one writes, too. */
export type Start = "cold" | "warm" | "contended";

/** What two nodes do at the same time. */
export interface Case {
  readonly name: string;
  readonly start: Start;
  /** Whether a node is asked for everything at once, or for the second thing when it has answered the first. */
  readonly together: boolean;
  readonly inGroup: boolean;
  /** What has been written before. */
  readonly before: (one: Place) => readonly NewMessage[];
  /** What each of the two nodes is asked for, given two places that nobody has used. */
  readonly wishes: (one: Place, two: Place) => readonly [readonly Wish[], readonly Wish[]];
}

export const pairPlace = (one: number, two: number): Place => ({
  conv: pairConv(one, two),
  users: [one, two],
});
export const groupPlace = (group: number, [one, two]: readonly [number, number]): Place => ({
  conv: groupConv(group),
  users: [one, two],
  group,
});

/** Number `n` of this place, said by its first or second person. */
export function entry(
  { conv, users, group }: Place,
  about: { by: 0 | 1; n: number; kind?: Kind; ref?: number },
): NewMessage {
  const { by, n, kind = "chat", ref } = about;
  const sender = users[by];
  const to = group === undefined ? users[1 - by] : undefined;
  // By the conversation's name in the mid a statement says which conversation it is about.
  const mid = `${conv}:${n}`;
  const body = kind === "recall" ? "{}" : JSON.stringify(`${kind} ${n}`);
  return { conv, kind, sender, senderName: `u${sender}`, to, mid, body, ...(ref !== undefined && { ref }) };
}

const WISHES: Record<string, Case["wishes"]> = {
  "one conversation": (one) => [
    [entry(one, { by: 0, n: 1 }), entry(one, { by: 0, n: 2 })],
    [entry(one, { by: 1, n: 3 }), entry(one, { by: 1, n: 4 })],
  ],
  "the same messages": (one) => [
    [entry(one, { by: 0, n: 1 }), entry(one, { by: 0, n: 2 })],
    [entry(one, { by: 0, n: 1 }), entry(one, { by: 0, n: 2 })],
  ],
  "each other's conversation": (one, two) => [
    [entry(one, { by: 0, n: 1 }), entry(two, { by: 0, n: 2 })],
    [entry(two, { by: 1, n: 3 }), entry(one, { by: 1, n: 4 })],
  ],
  "asking and accepting": (one) => [
    [entry(one, { by: 0, n: 1, kind: "request" }), entry(one, { by: 0, n: 2 })],
    [entry(one, { by: 1, n: 3 }), entry(one, { by: 1, n: 4, kind: "accept" })],
  ],
  "accepting and refusing": (one) => [
    [entry(one, { by: 1, n: 1, kind: "accept" }), entry(one, { by: 1, n: 2 })],
    [entry(one, { by: 1, n: 3, kind: "refuse" }), entry(one, { by: 0, n: 4 })],
  ],
  "editing and recalling": (one) => [
    [entry(one, { by: 0, n: 1, kind: "edit", ref: 1 }), entry(one, { by: 0, n: 2 })],
    [entry(one, { by: 0, n: 3, kind: "recall", ref: 1 }), entry(one, { by: 1, n: 4 })],
  ],
};

/** What is written before both nodes begin. */
const BEFORE: Record<string, (one: Place) => readonly NewMessage[]> = {
  "accepting and refusing": (one) => [entry(one, { by: 0, n: 6, kind: "request" })],
  "editing and recalling": (one) => [entry(one, { by: 0, n: 6 })],
};

/** Joining is not an entry, so it goes one after the other with what the new member says. */
const IN_GROUP: Case = {
  name: "a group, and joining it, cold, in turn",
  start: "cold",
  together: false,
  inGroup: true,
  before: () => [],
  wishes: (one) => [
    [entry(one, { by: 0, n: 1 }), entry(one, { by: 0, n: 2 })],
    [{ join: one.group!, user: one.users[1], conv: one.conv }, entry(one, { by: 1, n: 4 })],
  ],
};

export const CASES: readonly Case[] = [
  ...Object.entries(WISHES).flatMap(([name, wishes]) =>
    (["cold", "warm", "contended"] as const).flatMap((start) =>
      [false, true].map((together): Case => ({
        name: `${name}, ${start}, ${together ? "together" : "in turn"}`,
        ...{ start, together, wishes, inGroup: false, before: BEFORE[name] ?? (() => []) },
      }))
    )
  ),
  IN_GROUP,
];
