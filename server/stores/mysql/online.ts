import { GroupCommit } from "../group_commit.ts";
import { type Database, padded, placeholders } from "./database.ts";

/** Users that one statement asks about. */
const AT_ONCE = 256;
/** Users that several who ask may ask about together; more than that go alone. */
const TOGETHER = 4096;

/** Who is logged in anywhere: questions that wait go together. */
export class OnlineUsers {
  readonly #db: Database;
  readonly #gathered: GroupCommit<readonly number[], Set<number>>;

  constructor(db: Database) {
    this.#db = db;
    this.#gathered = new GroupCommit((questions) => this.#answer(questions), {
      entries: 128,
      size: TOGETHER,
      sizeOf: ({ length }) => length,
      slots: db.slots,
    });
  }

  /** Those of the users who are logged in. */
  of(users: readonly number[]): Promise<Set<number>> {
    return users.length === 0 ? Promise.resolve(new Set()) : this.#gathered.add(users);
  }

  async #answer(questions: readonly (readonly number[])[]): Promise<Set<number>[]> {
    const users = [...new Set(questions.flat())];
    const online = new Set<number>();
    for (let at = 0; at < users.length; at += AT_ONCE) {
      const some = padded(users.slice(at, at + AT_ONCE));
      const rows = await this.#db.rows<{ userid: number }>(
        `SELECT userid FROM session WHERE userid IN (${placeholders(some.length)})`,
        some,
      );
      for (const { userid } of rows) online.add(userid);
    }
    return questions.map((asked) => new Set(asked.filter((user) => online.has(user))));
  }
}
