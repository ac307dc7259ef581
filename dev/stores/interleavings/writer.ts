import type { Action } from "./explorer.ts";
import type { Fate, Held, Link, StatementProxy } from "./statement_proxy.ts";
import { both, failed, NOTHING, type Touches, touchesOf } from "./touches.ts";

/** Something that a writer does with a conversation. */
export interface Task {
  readonly conv: string;
  /** Never rejects. */
  readonly run: () => Promise<void>;
}

/** What a writer is to do. */
export interface Tasks {
  readonly tasks: readonly Task[];
  /** All at once, or each when the one before has ended. */
  readonly together: boolean;
  /** The conversations that it is about. */
  readonly convs: readonly string[];
}

/**
 * A statement and what becomes of it. Its name is the writer's; a digit behind it tells connections that are for one
 * conversation each; then `<`: the connection is cut before the database has the statement, `>`: before its answer is
 * back; twice: no other connection comes about until the schedule has ended.
 */
export interface Move extends Action {
  touches: Touches;
  readonly held: Held;
  readonly fate: Fate;
  readonly isAway: boolean;
}

const LOSSES = [
  { mark: "<", fate: "lost", isAway: false },
  { mark: ">", fate: "answer lost", isAway: false },
  { mark: "<<", fate: "lost", isAway: true },
  { mark: ">>", fate: "answer lost", isAway: true },
] as const;

/** One node that writes, and the statements that it wants to have carried out. */
export class Writer {
  readonly name: string;
  readonly #proxy: StatementProxy;
  readonly #pending: Task[] = [];
  #convs: readonly string[] = [];
  #isTogether = false;
  /** What each connection was about lately: a script does not say it. */
  readonly #about = new WeakMap<Link, readonly string[]>();
  /** What the transaction of each connection has touched. */
  readonly #open = new WeakMap<Link, Touches>();
  #onChange = () => {};

  constructor(name: string, proxy: StatementProxy) {
    this.name = name;
    this.#proxy = proxy;
  }

  begin({ tasks, together, convs }: Tasks, onChange: () => void): void {
    this.#convs = convs;
    this.#isTogether = together;
    this.#onChange = onChange;
    this.#proxy.onHeld = onChange;
    this.#proxy.holds = true;
    this.#pending.push(...tasks);
    if (together) { for (const task of tasks) this.#do(task); }
    else this.#inTurn(tasks);
  }

  /** Nothing is held any more, and the database can be reached. */
  end(): void {
    this.#proxy.holds = false;
    this.#proxy.isAway = false;
    for (const held of [...this.#proxy.held]) held.settle("answered");
  }

  get isDone(): boolean {
    return this.#pending.length === 0;
  }

  /** Whether everything that this writer can do just now is held. */
  get isSettled(): boolean {
    return this.#proxy.held.length >= this.#expected;
  }

  /** What can happen next; with `losses` also that the connection is lost. */
  moves({ losses }: { losses: boolean }): Move[] {
    const named = this.#proxy.held.map((held) => ({ held, name: this.#nameOf(held) }));
    return named.toSorted((a, b) => a.name < b.name ? -1 : 1).flatMap(({ held, name }) => {
      const { writer, open } = { writer: this.name, open: this.#open.get(held.link) ?? NOTHING };
      // What a transaction has done counts when it ends.
      const touches = isEnd(held.sql) ? open : touchesOf(held.sql, this.#partsOf(held));
      const moves: Move[] = [{ name, writer, touches, held, fate: "answered", isAway: false }];
      if (!losses) return moves;
      for (const { mark, fate, isAway } of LOSSES) {
        const touched = fate === "lost" ? open : both(touches, open);
        moves.push({ name: name + mark, writer, touches: touched, held, fate, isAway });
      }
      return moves;
    });
  }

  /** Makes a move; afterwards it says what it has touched. */
  async make(move: Move): Promise<void> {
    const { held, fate, isAway } = move;
    const { link, sql } = held;
    const open = sql.startsWith("START TRANSACTION") ? NOTHING : this.#open.get(link);
    if (open) this.#open.set(link, both(open, touchesOf(sql, this.#partsOf(held))));
    await held.settle(fate);
    if (held.isError) move.touches = failed(move.touches);
    if (isEnd(sql)) this.#open.delete(link);
    if (isAway) this.#proxy.isAway = true;
  }

  /** How many statements have to be held when there is nothing to wait for. */
  get #expected(): number {
    if (this.isDone) return 0;
    // Without a database there are none until all tasks have failed.
    if (this.#proxy.isAway) return NaN;
    // What goes through one connection goes one after the other; conversations with a connection each do not.
    return this.#proxy.held.some(({ link }) => !link.scripts)
      ? 1
      : new Set(this.#underWay.map(({ conv }) => conv)).size;
  }

  /** Tasks that have begun. */
  get #underWay(): readonly Task[] {
    return this.#isTogether ? this.#pending : this.#pending.slice(0, 1);
  }

  #nameOf(held: Held): string {
    return held.link.scripts ? `${this.name}${this.#partsOf(held)[0]}` : this.name;
  }

  /** The conversations that a statement is about, by their places from 1. */
  #partsOf({ sent, link }: Held): readonly string[] {
    const found = this.#convs.flatMap((conv, i) => sent.includes(conv) ? [`${i + 1}`] : []);
    if (found.length > 0) this.#about.set(link, found);
    return this.#about.get(link) ?? this.#convs.map((_, i) => `${i + 1}`);
  }

  async #inTurn(tasks: readonly Task[]): Promise<void> {
    for (const task of tasks) await this.#do(task);
  }

  async #do(task: Task): Promise<void> {
    await task.run();
    this.#pending.splice(this.#pending.indexOf(task), 1);
    this.#onChange();
  }
}

const isEnd = (sql: string) => sql === "COMMIT" || sql === "ROLLBACK";
