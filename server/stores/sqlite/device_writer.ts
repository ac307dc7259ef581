import type { DatabaseSync } from "node:sqlite";
import { type DeviceRow, MAX_DEVICES, type UserDevice } from "../store.ts";
import { Statement, Transactions } from "./statements.ts";

/** Everything that changes devices and their tokens. */
export class DeviceWriter {
  readonly #transactions: Transactions;
  readonly #enter: Statement<never>;
  readonly #count: Statement<{ devices: number }>;
  readonly #insert: Statement<never>;
  readonly #leave: Statement<never>;
  readonly #begin: Statement<never>;
  readonly #endTokens: Statement<never>;
  readonly #endProgress: Statement<never>;
  readonly #end: Statement<never>;

  constructor(db: DatabaseSync, transactions: Transactions) {
    this.#transactions = transactions;
    const device = "userid = ? AND device = ?";
    this.#enter = new Statement(db, `UPDATE device SET client = ?, seen = max(seen, ?) WHERE ${device}`);
    this.#count = new Statement(db, "SELECT count(*) AS devices FROM device WHERE userid = ?");
    this.#insert = new Statement(db, "INSERT INTO device (userid, device, client, seen) VALUES (?, ?, ?, ?)");
    this.#leave = new Statement(db, `UPDATE device SET seen = max(seen, ?) WHERE ${device}`);
    this.#begin = new Statement(
      db,
      `INSERT INTO deviceprogress (userid, device, conv, delivered)
       SELECT userid, ?, conv, "read" FROM progress WHERE userid = ? AND "read" > joined`,
    );
    this.#endTokens = new Statement(db, `DELETE FROM token WHERE ${device}`);
    this.#endProgress = new Statement(db, `DELETE FROM deviceprogress WHERE ${device}`);
    this.#end = new Statement(db, `DELETE FROM device WHERE ${device}`);
  }

  enter({ user, device, client, seen }: UserDevice & DeviceRow): boolean {
    return this.#transactions.run(() => {
      if (this.#enter.run(client, seen, user, device) > 0) return true;
      if (this.#count.get(user)!.devices >= MAX_DEVICES) return false;
      this.#insert.run(user, device, client, seen);
      this.#begin.run(device, user);
      return true;
    });
  }

  leave({ user, device, seen }: UserDevice & Pick<DeviceRow, "seen">): void {
    this.#leave.run(seen, user, device);
  }

  forget({ user, device }: UserDevice): void {
    this.#transactions.run(() => {
      this.#endTokens.run(user, device);
      this.#endProgress.run(user, device);
      this.#end.run(user, device);
    });
  }

  removeTokens({ user, device }: UserDevice): void {
    this.#endTokens.run(user, device);
  }
}
