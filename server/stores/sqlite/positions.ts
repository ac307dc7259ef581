import type { DatabaseSync } from "node:sqlite";
import type { Progress } from "../../protocol/messages.ts";
import type { Behind, UserDevice } from "../store.ts";
import { Statement } from "./statements.ts";

/** Users whose conversations are looked through in one turn of the event loop, and conversations of one of them. */
const LOOKED_AT_ONCE = 50;
const SLICE = 2000;
/** Comes after every name of a conversation. */
const LAST_NAME = "~";

/** The conversations of the nameless device of a user. */
const OF_USER = `
  SELECT progress.conv, conversation.seq, progress.delivered, progress."read"
    FROM progress JOIN conversation ON conversation.conv = progress.conv
   WHERE progress.userid = ?`;

/**
 * A conversation for which a device has no row has begun, for its user, after the device did; one who has left a group
 * and joined again sees nothing of what was said in between. Of a device that is not known there is nothing.
 */
const OF_DEVICE = `
  SELECT progress.conv, conversation.seq,
         max(progress.joined, coalesce(deviceprogress.delivered, 0)) AS delivered, progress."read"
    FROM device
    JOIN progress ON progress.userid = device.userid
    JOIN conversation ON conversation.conv = progress.conv
    LEFT JOIN deviceprogress ON deviceprogress.userid = device.userid
                            AND deviceprogress.device = device.device
                            AND deviceprogress.conv = progress.conv
   WHERE device.userid = ? AND device.device = ?`;

/** How far devices are in the conversations of their users. */
export class Positions {
  readonly #nameless: ReturnType<typeof statementsOn>;
  readonly #named: ReturnType<typeof statementsOn>;
  readonly #nth: Statement<{ conv: string }>;

  constructor(db: DatabaseSync) {
    this.#nameless = statementsOn(db, OF_USER);
    this.#named = statementsOn(db, OF_DEVICE);
    this.#nth = new Statement(
      db,
      "SELECT conv FROM progress WHERE userid = ? AND conv > ? ORDER BY conv LIMIT 1 OFFSET ?",
    );
  }

  all(owner: UserDevice): Progress[] {
    const { all, key } = this.#of(owner);
    return all.all(...key);
  }

  some(owner: UserDevice, convs: readonly string[]): Progress[] {
    const { one, key } = this.#of(owner);
    return convs.flatMap((conv) => one.get(...key, conv) ?? []);
  }

  page(owner: UserDevice, { after, limit }: { after: string; limit: number }): Progress[] {
    const { page, key } = this.#of(owner);
    return page.all(...key, after, limit);
  }

  hasMoreThan(user: number, conversations: number): boolean {
    return this.#nth.get(user, "", conversations) !== undefined;
  }

  /** See {@linkcode LogStore.behind}. Goes on for as many turns of the event loop as there is to look through. */
  async behind(devices: readonly UserDevice[]): Promise<Behind[]> {
    const found: Behind[] = [];
    for (const [i, { user, device }] of devices.entries()) {
      const { behind, key } = this.#of({ user, device });
      for (let after = "", last = ""; last !== LAST_NAME; after = last) {
        // The network has its turn in between, which it has not after each turn of the loop alone.
        if (after !== "") await new Promise<void>((next) => setTimeout(next, 1));
        last = this.#nth.get(user, after, SLICE)?.conv ?? LAST_NAME;
        for (const row of behind.all(...key, after, last)) found.push({ user, device, ...row });
      }
      // What else is ready has its turn in between.
      if (i % LOOKED_AT_ONCE === LOOKED_AT_ONCE - 1) await new Promise<void>((next) => setImmediate(next));
    }
    return found;
  }

  /** The statements about a device, and the values that they begin with. */
  #of({ user, device }: UserDevice) {
    return device === "" ? { ...this.#nameless, key: [user] } : { ...this.#named, key: [user, device] };
  }
}

/** @param rows Gives the conversations of one device. */
function statementsOn(db: DatabaseSync, rows: string) {
  return {
    all: new Statement<Progress>(db, `${rows} ORDER BY progress.conv`),
    one: new Statement<Progress>(db, `${rows} AND progress.conv = ?`),
    page: new Statement<Progress>(db, `${rows} AND progress.conv > ? ORDER BY progress.conv LIMIT ?`),
    behind: new Statement<Omit<Behind, "user" | "device">>(
      db,
      `SELECT conv, seq, delivered FROM (${rows} AND progress.conv > ? AND progress.conv <= ?)
        WHERE seq > delivered`,
    ),
  };
}
