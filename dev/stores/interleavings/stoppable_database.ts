import { DatabaseSync, type StatementSync } from "node:sqlite";

/** What happens at a statement. `killed before` and `killed after`: the process ends then; `refused`: the disk fails once. */
export type Stop = "killed before" | "killed after" | "refused";
export const STOPS: readonly Stop[] = ["killed before", "killed after", "refused"];

/** SQLITE_IOERR. */
const IOERR = 10;

/** Thrown by every statement of a process that is dead. */
class Killed extends Error {
  override readonly name = "Killed";
}

/** A database that can stop whoever uses it at one of their statements. */
export class StoppableDatabase extends DatabaseSync {
  readonly #statements: string[] = [];
  readonly #onKill: () => void;
  #stop: { readonly at: number; readonly how: Stop } | undefined;
  #isKilled = false;
  #counts = false;

  /** @param onKill Called at the moment at which the process dies. */
  constructor(path: string, { onKill }: { onKill: () => void }) {
    super(path);
    this.#onKill = onKill;
  }

  /** What was executed since {@linkcode StoppableDatabase.count}, with its values. */
  get statements(): readonly string[] {
    return this.#statements;
  }

  get isKilled(): boolean {
    return this.#isKilled;
  }

  /** From now on statements count, from 0; at one of them this happens. */
  count(stop?: { at: number; how: Stop }): void {
    this.#counts = true;
    this.#stop = stop;
  }

  override exec(sql: string): void {
    this.#around(sql, () => super.exec(sql));
  }

  override prepare(sql: string): StatementSync {
    const statement = super.prepare(sql);
    const around = this.#around.bind(this);
    return new Proxy(statement, {
      get(target, property) {
        const value = Reflect.get(target, property, target);
        if (typeof value !== "function") return value;
        const work = value.bind(target) as (...values: unknown[]) => unknown;
        if (property !== "run" && property !== "get" && property !== "all") return work;
        return (...values: unknown[]) => around(`${sql} ${JSON.stringify(values)}`, () => work(...values));
      },
    });
  }

  #around<T>(what: string, work: () => T): T {
    if (!this.#counts) return work();
    if (this.#isKilled) throw new Killed();
    const number = this.#statements.push(what) - 1;
    const how = this.#stop?.at === number ? this.#stop.how : undefined;
    if (how === "killed before") this.#kill();
    if (how === "refused") throw Object.assign(new Error("disk I/O error"), { errcode: IOERR });
    const result = work();
    if (how === "killed after") this.#kill();
    return result;
  }

  #kill(): never {
    this.#isKilled = true;
    this.#onKill();
    throw new Killed();
  }
}
