import type { DatabaseSync } from "node:sqlite";
import type { DeviceRow, DeviceStore, UserDevice } from "../store.ts";
import { Statement } from "./statements.ts";
import type { Writes } from "./writes.ts";

export class SqliteDevices implements DeviceStore {
  readonly #writes: Writes;
  readonly #list: Statement<DeviceRow>;

  constructor(db: DatabaseSync, options: { writes: Writes }) {
    this.#writes = options.writes;
    this.#list = new Statement(
      db,
      "SELECT device, client, seen FROM device WHERE userid = ? ORDER BY device",
    );
  }

  async enter(device: UserDevice & DeviceRow): Promise<{ isFull: boolean; before: readonly DeviceRow[] }> {
    const before = await this.list(device.user);
    return { isFull: !await this.#writes.call("enterDevice", device), before };
  }

  leave(device: UserDevice & Pick<DeviceRow, "seen">): Promise<void> {
    return this.#writes.call("leaveDevice", device);
  }

  // `async` turns what the synchronous driver throws into a rejection.
  async list(user: number): Promise<readonly DeviceRow[]> {
    return await this.#list.all(user);
  }

  forget(device: UserDevice): Promise<void> {
    return this.#writes.call("forgetDevice", device);
  }
}
