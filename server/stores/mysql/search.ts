import { type Needle, needleOf, SEARCHED } from "../matching.ts";
import { comparePlaces, type Place, placeBefore, readPlace, writePlace } from "../place.ts";
import type { Found, Query, SearchStore } from "../store.ts";
import { isVisible, type View, VIEWS } from "../visible.ts";
import { type Database, padded, placeholders } from "./database.ts";
import { MESSAGE_COLUMNS, type MessageRow, NEWEST, toMessage } from "./log.ts";

/** After so long a search says how far it came, in ms. */
const PATIENCE = 700;
/** Conversations that one statement is about, and entries that it looks at, about. */
const CONVS = 256;
const ROWS = 10_000;
/** Texts that are read together. */
const TEXTS = 64;
/** Of each conversation so many entries at least are looked at together. */
const FEWEST = 20;
/** Where a search goes on in longer conversations is looked up; of others everything is looked at again. */
const LONG = 1000;
/** So many entries above that are looked at again: the clocks of two nodes may differ. */
const OVERLAP = 200;

/** A conversation, as far as it has been looked through. */
interface Part {
  readonly view: View;
  /** The entries up to this number have not been looked at. */
  rest: number;
  /** No entry that has not been looked at is newer, Unix milliseconds. */
  bound: number;
}

type Hit = Found["found"][number];

/**
 * Looks for texts by reading what the user may read, the newest first: nothing is added to what a message costs. There is
 * no FULLTEXT index, see `dev/bench/README.md`. The statements are short, and on connections that nothing else waits for.
 */
export class MysqlSearch implements SearchStore {
  readonly #db: Database;
  readonly #rows: number;
  readonly #long: number;

  /**
   * @param db Connections for searches alone: so many are carried out at once.
   * @param options.rows Entries that one statement looks at, about. `long`: see {@linkcode LONG}.
   */
  constructor(db: Database, { rows = ROWS, long = LONG }: { rows?: number; long?: number } = {}) {
    this.#db = db;
    this.#rows = rows;
    this.#long = long;
  }

  async find(query: Query): Promise<Found | undefined> {
    const before = placeOf(query.before);
    if (before === null) return undefined;
    await this.#db.slots.enter();
    try {
      return await this.#find(query, before);
    } finally {
      this.#db.slots.leave();
    }
  }

  async #find({ user, text, conv, limit }: Query, before: Place | undefined): Promise<Found> {
    const deadline = performance.now() + PATIENCE;
    const needle = needleOf(text);
    const parts = await this.#partsOf(user, conv);
    if (before) await this.#skip(parts, before.at);
    const found: Hit[] = [];
    let uncertain: Place[] = [];
    while (true) {
      const open = parts.filter(({ rest, view }) => isVisible(view, rest));
      // What is newer than all that has not been looked at comes next.
      const edge = open.reduce((newest, { bound }) => Math.max(newest, bound), -Infinity);
      const certain = uncertain.filter(({ at }) => at > edge).sort(comparePlaces);
      uncertain = uncertain.filter(({ at }) => at <= edge);
      for (let first = 0; first < certain.length; first += TEXTS) {
        found.push(...await this.#read(certain.slice(first, first + TEXTS), needle));
        if (found.length > limit) return { found: found.slice(0, limit), next: found[limit - 1]!.place };
      }
      if (open.length === 0) return { found };
      if (performance.now() > deadline && edge < Infinity) {
        return { found, next: writePlace(placeBefore(edge + 1)) };
      }
      const some = open.sort((a, b) => b.bound - a.bound).slice(0, CONVS);
      const candidates = await this.#look(some, needle);
      uncertain.push(...before ? candidates.filter((place) => comparePlaces(before, place) < 0) : candidates);
    }
  }

  /** What the user may read. */
  async #partsOf(user: number, conv: string | undefined): Promise<Part[]> {
    const rows = await this.#db.rows<View & { newest: number }>(
      `SELECT view.*, ${NEWEST("view")} AS newest FROM (${VIEWS}) AS view${
        conv === undefined ? "" : " WHERE view.conv = ?"
      }`,
      conv === undefined ? [user] : [user, conv],
    );
    return rows.map(({ newest, ...view }) => ({ view, rest: newest, bound: Infinity }));
  }

  /** Passes over most of what is as new as `at`, or newer. */
  async #skip(parts: readonly Part[], at: number): Promise<void> {
    // The first number from which on everything is as new is between the two.
    let open = parts.filter(({ rest, view }) => rest - view.joined > this.#long)
      .map((part) => ({ part, low: part.view.joined + 1, high: part.rest + 1 }));
    while (open.length > 0) {
      const middles = open.map(({ part, low, high }) => ({
        conv: part.view.conv,
        seq: Math.floor((low + high) / 2),
      }));
      const times = await this.#timesOf(middles);
      open.forEach((range, i) => {
        const { conv, seq } = middles[i]!;
        // Where an entry was purged, so were those before it.
        if ((times.get(`${conv} ${seq}`) ?? -Infinity) >= at) range.high = seq;
        else range.low = seq + 1;
      });
      for (const { part, low, high } of open) {
        if (low >= high) part.rest = Math.min(part.rest, low - 1 + OVERLAP);
      }
      open = open.filter(({ low, high }) => low < high);
    }
  }

  /** Looks at some more entries of these conversations. Candidates only: there may be thousands, and their texts long. */
  async #look(parts: readonly Part[], needle: Needle): Promise<Place[]> {
    const each = Math.max(FEWEST, Math.floor(this.#rows / parts.length));
    const ranges = parts.map((part) => ({
      part,
      from: Math.max(part.rest - each, part.view.joined),
      to: part.rest,
    }));
    const some = padded(ranges);
    const rows = await this.#db.rows<Place>(
      `SELECT conv, seq, at FROM message
        WHERE kind = '${SEARCHED}' AND (${some.map(() => "conv = ? AND seq > ? AND seq <= ?").join(" OR ")})
          AND body COLLATE utf8mb4_general_ci LIKE ? ESCAPE '|'`,
      [
        ...some.flatMap(({ part, from, to }) => [part.view.conv, from, to]),
        `%${needle.literal.replaceAll(/[|%_]/g, "|$&")}%`,
      ],
    );
    const lowest = ranges.filter(({ from, part }) => from > part.view.joined)
      .map(({ part, from }) => ({ conv: part.view.conv, seq: from + 1 }));
    const times = await this.#timesOf(lowest);
    const views = new Map(parts.map(({ view }) => [view.conv, view]));
    for (const { part, from } of ranges) {
      part.rest = from;
      part.bound = Math.min(part.bound, times.get(`${part.view.conv} ${from + 1}`) ?? part.bound);
    }
    return rows.filter(({ conv, seq }) => isVisible(views.get(conv)!, seq));
  }

  /** Those of the candidates that match, in their order: the collation takes some characters for others. */
  async #read(candidates: readonly Place[], needle: Needle): Promise<Hit[]> {
    const some = padded(candidates);
    const rows = await this.#db.rows<MessageRow>(
      `SELECT ${MESSAGE_COLUMNS} FROM message LEFT JOIN user ON user.id = message.sender
        WHERE (message.conv, message.seq) IN (${placeholders(some.length, 2)})`,
      some.flatMap(({ conv, seq }) => [conv, seq]),
    );
    const texts = new Map(rows.map((row) => [`${row.conv} ${row.seq}`, row]));
    return candidates.flatMap((place) => {
      const row = texts.get(`${place.conv} ${place.seq}`);
      return row && needle.matches(row.body) ? [{ message: toMessage(row), place: writePlace(place) }] : [];
    });
  }

  /** When these entries were committed, by `conv seq`. */
  async #timesOf(
    entries: readonly { readonly conv: string; readonly seq: number }[],
  ): Promise<Map<string, number>> {
    const times = new Map<string, number>();
    for (let first = 0; first < entries.length; first += CONVS) {
      const some = padded(entries.slice(first, first + CONVS));
      const rows = await this.#db.rows<Place>(
        `SELECT conv, seq, at FROM message WHERE (conv, seq) IN (${placeholders(some.length, 2)})`,
        some.flatMap(({ conv, seq }) => [conv, seq]),
      );
      for (const { conv, seq, at } of rows) times.set(`${conv} ${seq}`, at);
    }
    return times;
  }
}

/** Null if it is no place. */
function placeOf(before: number | string | undefined): Place | undefined | null {
  if (typeof before === "string") return readPlace(before) ?? null;
  return before === undefined ? undefined : placeBefore(before);
}
