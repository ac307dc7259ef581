import type { DatabaseSync } from "node:sqlite";
import type { LogMessage } from "../../protocol/messages.ts";
import { type Needle, needleOf, SEARCHED } from "../matching.ts";
import type { Found, Query } from "../store.ts";
import { isVisible, type View, VIEWS } from "../visible.ts";
import { MESSAGE, type MessageRow, toMessage } from "./messages.ts";
import { Statement } from "./statements.ts";
import { matchOf, termsOf } from "./terms.ts";

/** After so long a search says how far it came, in ms. */
const PATIENCE = 700;
/** Whoever may read no more than this is not helped by the index, which holds what others may read, too. */
const OWN = 5000;
/** Rows that are looked at between two looks at the clock. */
const ROWS = 1000;
/** So many ids are looked up in the index at once, at first: then more, as long as little is found. */
const IDS = 100_000;

interface Row {
  readonly id: number;
  readonly conv: string;
  readonly seq: number;
  readonly body: string;
}

/** Some rows, the newest first. Afterwards everything above `reached` has been looked at. */
interface Step {
  readonly rows: Iterable<Row>;
  readonly reached: number;
}

/** Looks for texts, on a connection that does nothing else meanwhile. */
export class SqliteSearcher {
  readonly #now: () => number;
  readonly #ownLimit: number;
  readonly #views: Statement<View & { newest: number }>;
  readonly #marks: Statement<{ last: number; filed: number; low: number; high: number }>;
  readonly #atOrAbove: Statement<{ id: number; at: number }>;
  readonly #scan: Statement<Row>;
  readonly #row: Statement<Row>;
  readonly #own: Statement<{ id: number }>;
  readonly #index: Statement<{ id: number }>;
  readonly #terms: (literal: string) => readonly string[];
  readonly #message: Statement<MessageRow>;

  /**
   * @param options.now Milliseconds of a clock that does not jump.
   * @param options.own Who may read more entries than this is answered with the help of the index.
   */
  constructor(
    db: DatabaseSync,
    { now = () => performance.now(), own = OWN }: { now?: () => number; own?: number } = {},
  ) {
    this.#now = now;
    this.#ownLimit = own;
    this.#views = new Statement(
      db,
      `SELECT view.*, conversation.seq AS newest
         FROM (${VIEWS}) AS view JOIN conversation ON conversation.conv = view.conv`,
    );
    this.#marks = new Statement(
      db,
      `SELECT (SELECT coalesce(max(id), 0) FROM entry) AS last, (SELECT id FROM filed) AS filed, low, high
         FROM searched`,
    );
    this.#atOrAbove = new Statement(db, "SELECT id, at FROM entry WHERE id >= ? ORDER BY id LIMIT 1");
    const row = `SELECT id, conv, seq, body FROM entry WHERE kind = '${SEARCHED}'`;
    this.#scan = new Statement(db, `${row} AND id > ? AND id <= ? ORDER BY id DESC LIMIT ${ROWS}`);
    this.#row = new Statement(db, `${row} AND id = ?`);
    this.#own = new Statement(db, "SELECT id FROM entry_place WHERE conv = ? AND seq > ?");
    this.#index = new Statement(
      db,
      `SELECT rowid AS id FROM entry_text WHERE entry_text MATCH ? AND rowid > ? AND rowid <= ?
        ORDER BY rowid DESC LIMIT ${ROWS}`,
    );
    this.#terms = termsOf(db);
    this.#message = new Statement(db, MESSAGE);
  }

  /** See {@linkcode SearchStore.find}. */
  find({ user, text, conv, before, limit }: Query): Found | undefined {
    const deadline = this.#now() + PATIENCE;
    const top = before === undefined ? Infinity : this.#topOf(before);
    if (top === undefined) return undefined;
    const views = new Map(
      this.#views.all(user).filter((view) => conv === undefined || view.conv === conv).map((view) =>
        [view.conv, view] as const
      ),
    );
    const needle = needleOf(text);
    const found: { message: LogMessage; place: string }[] = [];
    for (const { rows, reached } of this.#steps(views, { needle, top })) {
      for (const { id, conv, seq, body } of rows) {
        const view = views.get(conv);
        if (!view || !isVisible(view, seq) || !needle.matches(body)) continue;
        const message = this.#message.get(id);
        // It may have been deleted meanwhile.
        if (!message) continue;
        if (found.length === limit) return { found, next: found.at(-1)!.place };
        found.push({ message: toMessage(message), place: placeOf(id) });
      }
      if (this.#now() > deadline && reached > 0) return { found, next: placeOf(reached + 1) };
    }
    return { found };
  }

  /** The ids up to this one are older than a time, or behind a place; undefined if it is none of ours. */
  #topOf(before: number | string): number | undefined {
    if (typeof before === "string") return idOf(before);
    let [low, high] = [0, this.#marks.get()!.last + 1];
    // The first id from which on everything is as new; entries are committed in the order of their times.
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const row = this.#atOrAbove.get(middle);
      if (row === undefined || row.at >= before) high = middle;
      else low = row.id + 1;
    }
    return low;
  }

  *#steps(
    views: ReadonlyMap<string, View & { newest: number }>,
    { needle, top }: { needle: Needle; top: number },
  ): Generator<Step> {
    const { last, filed, low, high } = this.#marks.get()!;
    const from = Math.min(top - 1, last);
    const readable = [...views.values()].reduce((sum, { newest, joined }) => sum + newest - joined, 0);
    if (readable === 0) return;
    if (readable <= this.#ownLimit) {
      yield* this.#scanned(from, filed);
      yield* this.#ownOf(views, Math.min(from, filed));
      return;
    }
    yield* this.#scanned(from, high);
    const match = matchOf(needle.literal, this.#terms);
    if (match === undefined) yield* this.#scanned(Math.min(from, high), low);
    else yield* this.#indexed(match, { from: Math.min(from, high), to: low });
    yield* this.#scanned(Math.min(from, low), 0);
  }

  /** All rows. */
  *#scanned(from: number, to: number): Generator<Step> {
    while (from > to) {
      const rows = this.#scan.all(to, from);
      from = rows.length < ROWS ? to : rows.at(-1)!.id - 1;
      yield { rows, reached: from };
    }
  }

  /** The rows of some conversations. */
  *#ownOf(views: ReadonlyMap<string, View>, from: number): Generator<Step> {
    const all: number[] = [];
    for (const { conv, joined } of views.values()) {
      for (const { id } of this.#own.all(conv, joined)) if (id <= from) all.push(id);
    }
    const ids = Float64Array.from(all).sort().reverse();
    for (let at = 0; at < ids.length; at += ROWS) {
      const some = ids.subarray(at, at + ROWS);
      yield { rows: this.#rowsOf(some), reached: at + ROWS < ids.length ? some.at(-1)! - 1 : 0 };
    }
  }

  /** The rows that the index has for a query of FTS5. */
  *#indexed(match: string, { from, to }: { from: number; to: number }): Generator<Step> {
    let width = IDS;
    while (from > to) {
      const end = Math.max(to, from - width);
      const ids = match === "" ? [] : this.#index.all(match, end, from).map(({ id }) => id);
      if (ids.length < ROWS) width *= 4;
      from = ids.length < ROWS ? end : ids.at(-1)! - 1;
      yield { rows: this.#rowsOf(ids), reached: from };
    }
  }

  *#rowsOf(ids: Iterable<number>): Generator<Row> {
    for (const id of ids) {
      const row = this.#row.get(id);
      if (row) yield row;
    }
  }
}

const placeOf = (id: number) => `i${id}`;

function idOf(place: string): number | undefined {
  const [, id] = /^i(\d{1,15})$/.exec(place) ?? [];
  return id === undefined ? undefined : Number(id);
}
