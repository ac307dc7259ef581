import { isPlain } from "../../protocol/kinds.ts";
import { BATCH, GroupCommit } from "../group_commit.ts";
import type { LogMessage } from "../../protocol/messages.ts";
import { plan, type Row, runs } from "../plan.ts";
import { type Appended, type NewMessage, StoreUnavailable } from "../store.ts";
import { codeOf, type Database, fitting, type Session } from "./database.ts";
import { type Entry, factsOf, readNames, readNewest, readStanding, readStored, readUsers } from "./facts.ts";
import { Contended } from "./contended.ts";
import { KnownNumbers } from "./known.ts";
import { Lanes, type Settled } from "./lanes.ts";
import { MidMaker } from "./mids.ts";
import { begin, insert, insertAtEnd, insertWithEffects } from "./rows.ts";

/** Rows of one statement, at most: more take the database so long that everybody waits. */
const ROWS = 256;
/** What a row takes in a statement beside its text, in bytes, at most. */
const ROW_OVERHEAD = 256;
/** How often entries are tried in their lane when another node is faster each time. */
const ATTEMPTS = 50;
/** For how long a lost connection is made up for, in ms, and the pause before the next attempt. */
const PATIENCE = 300;
const RECONNECT_PAUSE = 50;
/** Conversations whose numbers are compared with what a new connection finds. */
const COMPARED = 512;

export interface MysqlAppendOptions {
  /** One connection, for the pipeline alone. */
  readonly pipeline: Database;
  /** Connections for the lanes, which send several statements at once. */
  readonly others: Database;
  /** Lanes that work at the same time, a connection each. */
  readonly lanes: number;
  /** The largest statement that the database takes, in bytes. */
  readonly maxPacket: number;
  readonly now: () => number;
  /** Whether another node has found the database older than it was, and has given the log another name. */
  readonly isRenamed: (session: Session) => Promise<boolean>;
  /** Told that what had been committed is gone; the append goes on when it resolves. */
  readonly onOlder: () => Promise<void>;
}

/**
 * Appends entries to their logs. Most go through the pipeline: what has come in goes as one INSERT, under the numbers
 * that should be next, on a connection of its own. The keys judge. If they refuse it, because a number is taken or a mid
 * is stored, the conversations that this is about leave the pipeline, each for a lane of its own; so do entries that
 * are not plain, whatever cannot be stored, and what follows in the same conversation. Nothing is locked
 * between two statements, so a node that freezes is in nobody's way.
 */
export class MysqlAppend {
  readonly #options: MysqlAppendOptions;
  readonly #known = new KnownNumbers();
  readonly #contended: Contended;
  readonly #mids: MidMaker;
  readonly #commits: GroupCommit<Entry, Appended>;
  readonly #lanes: Lanes<Entry, Appended>;
  /** Counts the times that the database came back older: what was written for the log before does not go into this one. */
  #history = 0;
  /** Conversations of the statements in the pipeline that waited for a lock in vain, until their lanes have been tried. */
  readonly #waited = new Set<string>();
  /** Whether nobody has looked yet at what is behind the pipeline's connection. */
  #isNew = true;

  constructor(options: MysqlAppendOptions) {
    this.#options = options;
    this.#mids = new MidMaker(options.now);
    this.#contended = new Contended(() => performance.now());
    this.#commits = new GroupCommit<Entry, Appended>((batch) => this.#commit(batch), {
      sizeOf: BATCH.sizeOf,
      entries: ROWS,
      // A UTF-16 unit takes three bytes at most.
      size: Math.min(BATCH.size, Math.floor((options.maxPacket - ROWS * ROW_OVERHEAD) / 3)),
      fit: fitting,
    });
    this.#lanes = new Lanes((entries) => this.#inLane(entries), { atOnce: options.lanes });
    options.pipeline.onConnection(() => this.#isNew = true);
  }

  /** See {@linkcode LogStore.append}. */
  append(message: NewMessage): Promise<Appended> {
    const entry: Entry = { ...message, key: message.mid ?? this.#mids.next(), history: this.#history };
    return this.#commits.add(entry);
  }

  /** See {@linkcode LogStore.heard}. */
  heard({ conv, seq, sender, mid }: LogMessage): void {
    this.#known.hear(conv, seq, mid === null ? undefined : { seq, sender, key: mid });
  }

  /** Looks whether the database has what this node knows to be committed: another one may answer by now. */
  async compare(): Promise<void> {
    this.#isNew = true;
    await this.#options.pipeline.withSession((session) => this.#look(session));
  }

  /** The log has another name: refuses what is under way for the one before, and knows nothing any more. */
  forget(): void {
    this.#known.forgetAll();
    this.#history++;
  }

  /** Resolves when everything appended so far has been committed or refused. */
  async drain(): Promise<void> {
    await this.#commits.drain();
    await this.#lanes.drain();
  }

  async #commit(entries: readonly Entry[]): Promise<(Appended | Promise<Appended>)[]> {
    if (entries.some(this.#isOld)) throw new Older();
    const apart = new Set<string>();
    for (const entry of entries) {
      const { conv } = entry;
      if (this.#lanes.has(conv) || this.#contended.has(conv) || !isPlain(entry)) apart.add(conv);
    }
    const done = new Map<Entry, Appended>();
    await this.#together(entries.filter(({ conv }) => !apart.has(conv)), done);
    return entries.map((entry) => done.get(entry) ?? this.#lanes.add(entry));
  }

  /** Commits as many of the entries as it can together; what becomes of them is noted in `done`. */
  async #together(entries: readonly Entry[], done: Map<Entry, Appended>): Promise<void> {
    const deadline = performance.now() + PATIENCE;
    // In the order of the key, so that two nodes do not wait for each other.
    let left = entries.toSorted((a, b) => a.conv === b.conv ? 0 : a.conv < b.conv ? -1 : 1);
    let isClash = false;
    let lookUp = false;
    /** What the newest numbers were taken for. */
    const counted = new Map<string, number>();
    while (left.length > 0) {
      try {
        await this.#options.pipeline.withSession(async (session) => {
          if (this.#isNew) await this.#look(session);
          if (isClash) left = await this.#calm(session, { entries: left, counted });
          isClash = false;
          if (left.length > 0) await this.#write(session, { entries: left, lookUp, counted, done });
        });
        return;
      } catch (error) {
        this.#doubt(left);
        const isLocked = error instanceof StoreUnavailable && isLockWait(error);
        if (isLocked) { for (const { conv } of left) this.#waited.add(conv); }
        if (error instanceof StoreUnavailable && !isLocked) {
          if (error instanceof Older || performance.now() > deadline) throw error;
          await pause(RECONNECT_PAUSE);
        } else if (lookUp || !isRefusedByKey(error)) {
          return;
        } else {
          isClash = true;
        }
        lookUp = true;
      }
    }
  }

  /** Takes out the conversations that made a key refuse the entries. */
  async #calm(
    session: Session,
    { entries, counted }: { entries: readonly Entry[]; counted: ReadonlyMap<string, number> },
  ): Promise<Entry[]> {
    const newest = await this.#readNewest(session, new Set(entries.map(({ conv }) => conv)));
    const stored = await readStored(session, entries);
    const clashed = new Set<string>();
    for (const { conv, sender, key } of entries) {
      if ((newest.get(conv) ?? 0) !== (counted.get(conv) ?? 0)) this.#contended.note(conv);
      else if (!stored.has(`${sender} ${key}`)) continue;
      clashed.add(conv);
    }
    return entries.filter(({ conv }) => !clashed.has(conv));
  }

  /** Writes plain entries, or throws. */
  async #write(
    session: Session,
    { entries, lookUp, counted, done }: {
      entries: readonly Entry[];
      lookUp: boolean;
      counted: Map<string, number>;
      done: Map<Entry, Appended>;
    },
  ): Promise<void> {
    const newest = new Map<string, number>();
    const unknown = new Set<string>();
    for (const { conv } of entries) {
      const seq = this.#known.newest(conv);
      if (seq === undefined) unknown.add(conv);
      else newest.set(conv, seq);
    }
    for (const [conv, seq] of await this.#readNewest(session, unknown)) newest.set(conv, seq);
    for (const { conv } of entries) counted.set(conv, newest.get(conv) ?? 0);
    const stored = lookUp ? await readStored(session, entries) : undefined;
    const users = await readUsers(session, entries.filter(({ conv }) => !newest.has(conv)));
    const { outcomes, rows } = plan(entries, {
      facts: factsOf({ newest, users, ...(stored && { stored }) }),
      at: this.#options.now(),
    });
    await begin(session, rows);
    await insert(session, rows);
    for (const { message: { conv, seq, sender }, entry: { key } } of rows) {
      this.#known.note(conv, seq, { seq, sender, key });
    }
    entries.forEach((entry, i) => done.set(entry, outcomes[i]!));
  }

  async #inLane(entries: readonly Entry[]): Promise<Settled<Appended>[]> {
    const results: Settled<Appended>[] = [];
    const hasWaited = this.#waited.delete(entries[0]!.conv);
    for (const run of runs(entries)) {
      if (run.some(this.#isOld)) {
        results.push(...run.map(() => new Older()));
        continue;
      }
      // What follows something that could not be stored just now must not overtake it.
      const last = results.at(-1);
      if (last instanceof StoreUnavailable) results.push(...run.map(() => last));
      else results.push(...await this.#inTurn(run));
    }
    // A lane locks the conversation as well, which is none of the pipeline's business: both have to have waited.
    const isLocked = results.some((result) => result instanceof StoreUnavailable && isLockWait(result));
    if (hasWaited && isLocked) this.#contended.noteLocked(entries[0]!.conv);
    return results;
  }

  /** Tries entries of one conversation, plain ones or a single one that is not, until it is clear what becomes of them. */
  async #inTurn(entries: readonly Entry[]): Promise<readonly Settled<Appended>[]> {
    const deadline = performance.now() + PATIENCE;
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#options.others.withSession((session) =>
          this.#attempt(session, { entries, lookUp: attempt > 1 })
        );
      } catch (error) {
        this.#doubt(entries);
        const cause = error instanceof Error ? error : new Error(String(error));
        if (isRefusedByKey(error)) {
          if (attempt === ATTEMPTS) {
            return entries.map(() => new StoreUnavailable("other nodes are always faster"));
          }
          if (attempt > 1) await pause(Math.random() * Math.min(attempt, 10));
        } else if (error instanceof StoreUnavailable) {
          if (error instanceof Older || performance.now() > deadline) return entries.map(() => cause);
          await pause(RECONNECT_PAUSE);
        } else if (entries.length === 1) {
          return [cause];
        } else {
          return await this.#oneByOne(entries);
        }
      }
    }
  }

  /** One of the entries cannot be stored, nobody knows which. */
  async #oneByOne(entries: readonly Entry[]): Promise<Settled<Appended>[]> {
    const results: Settled<Appended>[] = [];
    for (const entry of entries) results.push(...await this.#inTurn([entry]));
    return results;
  }

  async #attempt(
    session: Session,
    { entries, lookUp }: { entries: readonly Entry[]; lookUp: boolean },
  ): Promise<readonly Appended[]> {
    const [entry] = entries;
    const { conv } = entry!;
    const isAlone = !isPlain(entry!);
    // A plain entry that is stored is refused by the key; another one may be refused for what it has changed itself.
    const stored = lookUp || isAlone ? await readStored(session, entries) : undefined;
    const found = isAlone ? await readStanding(session, entry!) : undefined;
    // Plain entries get their numbers when they are inserted: the plan counts from there.
    const seq = found ? found.seq : (await this.#readNewest(session, [conv])).get(conv) && 0;
    const newest = new Map(seq === undefined ? [] : [[conv, seq]]);
    const users = seq === undefined ? await readUsers(session, entries) : undefined;
    const { outcomes, rows } = plan(entries, {
      facts: factsOf({
        newest,
        ...(stored && { stored }),
        ...(found && { standing: found.standing }),
        ...(users && { users }),
      }),
      at: this.#options.now(),
    });
    await begin(session, rows);
    const [row] = rows;
    if (!row) return outcomes;
    if (isAlone) {
      await insertWithEffects(session, row);
      return outcomes;
    }
    const before = await insertAtEnd(session, rows);
    const known = this.#known.committed(conv) ?? 0;
    if (before < known) await this.#older();
    if (before > known) this.#contended.note(conv);
    const last = rows.at(-1)!;
    const seqNow = before + rows.length;
    this.#known.note(conv, seqNow, { seq: seqNow, sender: last.message.sender, key: last.entry.key });
    return numbered(outcomes, { rows, before });
  }

  /** What a new connection leads to may be a database that had to go back to an older state. */
  async #look(session: Session): Promise<void> {
    const latest = this.#known.latest(COMPARED);
    this.#known.doubtAll();
    this.#isNew = false;
    try {
      if (await this.#options.isRenamed(session)) await this.#older();
      await this.#readNewest(session, latest);
      if (await this.#isOther(session, latest)) await this.#older();
    } catch (error) {
      this.#isNew = !(error instanceof Older);
      throw error;
    }
  }

  /** Reads numbers and holds them against what is known to be committed. */
  async #readNewest(session: Session, convs: Iterable<string>): Promise<ReadonlyMap<string, number>> {
    const before = new Map<string, number>();
    for (const conv of convs) before.set(conv, this.#known.committed(conv) ?? 0);
    if (before.size === 0) return before;
    const history = this.#history;
    const found = await readNewest(session, before.keys());
    const isOlder = [...before].some(([conv, seq]) => (found.get(conv) ?? 0) < seq);
    // Somebody else has noticed meanwhile.
    if (history !== this.#history) throw new Older();
    if (isOlder) await this.#older();
    for (const [conv, seq] of found) this.#known.note(conv, seq);
    return found;
  }

  /** Whether other entries have the numbers of some that were committed. Those that are not there may be purged. */
  async #isOther(session: Session, convs: readonly string[]): Promise<boolean> {
    const committed = convs.flatMap((conv) => {
      const entry = this.#known.entry(conv);
      return entry ? [{ conv, ...entry }] : [];
    });
    if (committed.length === 0) return false;
    const named = await readNames(session, committed);
    return committed.some(({ conv, seq, sender, key }) => {
      const found = named.get(`${conv} ${seq}`);
      return found !== undefined && (found.sender !== sender || found.key !== key);
    });
  }

  /** Refuses everything that is under way: its senders have to send first what was lost before it. */
  async #older(): Promise<never> {
    this.forget();
    await this.#options.onOlder();
    throw new Older();
  }

  #isOld = ({ history }: Entry) => history !== this.#history;

  #doubt(entries: readonly Entry[]): void {
    for (const { conv } of entries) this.#known.doubt(conv);
  }
}

/** Outcomes of a plan that counted from 0, for rows that were inserted after `before`. */
function numbered(
  outcomes: readonly Appended[],
  { rows, before }: { rows: readonly Row<Entry>[]; before: number },
): Appended[] {
  const moved = new Map(rows.map(({ message }) => [message, { ...message, seq: message.seq + before }]));
  return outcomes.map((outcome) =>
    "stored" in outcome ? { ...outcome, stored: moved.get(outcome.stored) ?? outcome.stored } : outcome
  );
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** The database is older than it was when these entries were written. */
class Older extends StoreUnavailable {
  constructor() {
    super("the database is older than it was");
  }
}

/** Whether another node was faster, or the entry is stored: with fresh facts it can be tried again. */
const isRefusedByKey = (error: unknown) =>
  ["ER_DUP_ENTRY", "ER_LOCK_DEADLOCK", "ER_CHECKREAD"].includes(codeOf(error));

/** Whether somebody holds a lock on something that was to be written. */
const isLockWait = (error: StoreUnavailable) => codeOf(error.cause) === "ER_LOCK_WAIT_TIMEOUT";
