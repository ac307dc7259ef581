import mysql, { type Pool } from "mysql2/promise";
import { codeOf } from "../../../server/stores/mysql/database.ts";
import { type Appended, type NewMessage, StoreUnavailable } from "../../../server/stores/store.ts";
import type { Node, OpenNode } from "./world.ts";

/** In which way a node is wrong. */
export type Fault =
  | "none"
  /** Its rows replace those that have their number already. */
  | "replaces"
  /** After an error it does not look whether its message is stored. */
  | "stores again"
  /** It acknowledges what it has given to the database, whether or not the database has answered. */
  | "acknowledges without an answer"
  /** It takes a number for used when it has tried to store something under it. */
  | "counts too early";

const ATTEMPTS = 6;

/** Opens the simplest node there is: reads the newest number, inserts the next one, and begins again if that fails. */
export const openWrong = (fault: Fault): OpenNode => (url) =>
  Promise.resolve(new WrongNode(mysql.createPool({ uri: url, connectionLimit: 1 }), fault));

class WrongNode implements Node {
  readonly #pool: Pool;
  readonly #fault: Fault;
  readonly #newest = new Map<string, number>();
  #line: Promise<unknown> = Promise.resolve();

  constructor(pool: Pool, fault: Fault) {
    this.#pool = pool;
    this.#fault = fault;
  }

  append(message: NewMessage): Promise<Appended> {
    const done = this.#line.then(() => this.#append(message));
    this.#line = done.catch(() => "told to whoever asked");
    return done;
  }

  heard(): void {}

  join(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return this.#pool.end();
  }

  async #append(message: NewMessage): Promise<Appended> {
    let mid = message.mid!;
    for (let attempt = 1;; attempt++) {
      try {
        return await this.#attempt({ ...message, mid });
      } catch (error) {
        if (attempt === ATTEMPTS) throw new StoreUnavailable("nothing helps", { cause: error });
        const isDuplicate = codeOf(error) === "ER_DUP_ENTRY";
        if (this.#fault === "stores again" && !isDuplicate) mid = `${message.mid}+`;
        if (this.#fault !== "counts too early" || isDuplicate) this.#newest.delete(message.conv);
      }
    }
  }

  async #attempt(message: NewMessage): Promise<Appended> {
    const { conv, sender, to, mid, kind, body } = message;
    const before = await this.#find(message);
    if (before) return { stored: before, fresh: false };
    const seq = 1 + (this.#newest.get(conv) ?? await this.#readNewest(conv));

    for (const user of [sender, to!]) {
      await this.#pool.execute(
        "INSERT IGNORE INTO progress (userid, conv, joined, delivered, `read`) VALUES (?, ?, 0, 0, 0)",
        [user, conv],
      );
    }
    if (this.#fault === "counts too early") this.#newest.set(conv, seq);
    const write = this.#fault === "replaces" ? "REPLACE" : "INSERT";
    try {
      await this.#pool.execute(
        `${write} INTO message (conv, seq, sender, mid, kind, body, at) VALUES (?, ?, ?, ?, ?, ?, 0)`,
        [conv, seq, sender, mid, kind, body],
      );
    } catch (error) {
      if (this.#fault !== "acknowledges without an answer" || codeOf(error) === "ER_DUP_ENTRY") throw error;
    }
    this.#newest.set(conv, seq);
    return { stored: { ...message, seq, at: 0 }, fresh: true };
  }

  async #find(message: NewMessage) {
    const [rows] = await this.#pool.execute(
      "SELECT seq FROM message WHERE sender = ? AND mid = ?",
      [message.sender, message.mid],
    );
    const [row] = rows as { seq: number }[];
    return row && { ...message, seq: row.seq, at: 0 };
  }

  async #readNewest(conv: string): Promise<number> {
    const [rows] = await this.#pool.execute("SELECT MAX(seq) AS seq FROM message WHERE conv = ?", [conv]);
    return (rows as { seq: number | null }[])[0]?.seq ?? 0;
  }
}
