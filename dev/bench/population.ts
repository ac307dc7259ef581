/** Some of the users, whose ids follow each other. */
export interface Range {
  readonly first: number;
  readonly count: number;
}

/** Who the users are. Each range is for one purpose, so that no measurement finds what another one left. */
export const PEOPLE = {
  /** Pairs for one-to-one messages: 1001 writes to 1002, and so on. */
  pairs: { first: 1001, count: 600 },
  talkers: { first: 2001, count: 40 },
  readers: { first: 2101, count: 20 },
  /** The first ones by password, which costs a user older tokens. */
  logins: { first: 2201, count: 58 },
  /** One who comes back to what another one has written, and a friend. */
  backlog: { first: 2301, count: 3 },
  /** One with very many groups, one in large ones, and a neighbour; and those who are in the large ones with him. */
  large: { first: 2401, count: 3 },
  fellows: { first: 1_000_001, count: 5000 },
  /** Nobody logs them in: others have them as friends, or had conversations with them. */
  silent: { first: 3001, count: 1000 },
  smallGroup: { first: 4001, count: 50 },
  largeGroup: { first: 5001, count: 500 },
  /** As many as a run wants. */
  crowd: { first: 10_001, count: 10_000 },
} as const satisfies Record<string, Range>;

/** What the users in `large` have: groups of one, and groups of many. */
export const ACCOUNTS = { groups: 50_000, wideGroups: 20, members: 5000 } as const;

export const GROUPS = { small: 1, large: 2, history: 3, ofAccounts: 1001 } as const;

/** The password of every user, and the name of the one who is registered first. */
export const PASSWORD = "benchmark";

/** A user's token. */
export const tokenOf = (user: number) => `bench-${user}`;

/** Ids of pairs of users, sender first. */
export function pairsOf(range: Range, count: number): (readonly [number, number])[] {
  return Array.from({ length: count }, (_, i) => [range.first + 2 * i, range.first + 2 * i + 1] as const);
}

export function idsOf({ first, count }: Range): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}
