/** Where an entry stands among all that one user may read: the newest first, and of one time in a fixed order. */
export interface Place {
  /** Unix milliseconds. */
  readonly at: number;
  readonly conv: string;
  readonly seq: number;
}

const PLACE = /^(\d{1,15})\/([ug][\d-]{1,39})?\/(\d{1,15})$/;

/** As a search gives it to go on from. */
export const writePlace = ({ at, conv, seq }: Place) => `${at}/${conv}/${seq}`;

/** Undefined if it is not one that {@linkcode writePlace} has written. */
export function readPlace(text: string): Place | undefined {
  const [, at, conv = "", seq] = PLACE.exec(text) ?? [];
  return at === undefined ? undefined : { at: Number(at), conv, seq: Number(seq) };
}

/** What comes after everything of this time. */
export const placeBefore = (at: number): Place => ({ at, conv: "", seq: 0 });

/** Negative if `a` is newer than `b`, and is found first. */
export function comparePlaces(a: Place, b: Place): number {
  return b.at - a.at || (a.conv === b.conv ? b.seq - a.seq : a.conv < b.conv ? 1 : -1);
}
