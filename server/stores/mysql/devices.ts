import { GroupCommit } from "../group_commit.ts";
import { byKey, Lookup } from "../lookup.ts";
import { type DeviceRow, type DeviceStore, MAX_DEVICES, type UserDevice } from "../store.ts";
import { type Database, padded, placeholders } from "./database.ts";

/** Users whose devices are read together, and devices that are noted together. */
const AT_ONCE = 64;

type Seen = UserDevice & Pick<DeviceRow, "seen"> & { readonly client?: string };

/**
 * Devices as rows. What a login of a known device needs is one statement that reads and one that writes for all that log
 * in at the moment.
 */
export class MysqlDevices implements DeviceStore {
  readonly #db: Database;
  readonly #rows: Lookup<number, readonly DeviceRow[]>;
  readonly #notes: GroupCommit<Seen, void>;

  constructor({ db, logins }: { db: Database; logins: Database }) {
    this.#db = db;
    const { slots } = logins;
    this.#rows = new Lookup((users) => this.#find(users, logins), { most: AT_ONCE, slots });
    this.#notes = new GroupCommit((seen) => this.#note(seen), {
      entries: AT_ONCE,
      size: AT_ONCE,
      sizeOf: () => 1,
    });
  }

  async enter(
    { user, device, client, seen }: UserDevice & DeviceRow,
  ): Promise<{ isFull: boolean; before: readonly DeviceRow[] }> {
    const before = await this.list(user);
    if (before.some((row) => row.device === device)) {
      await this.#notes.add({ user, device, seen, client });
      return { isFull: false, before };
    }
    if (before.length >= MAX_DEVICES) return { isFull: true, before };
    await this.#begin({ user, device, client, seen });
    // Others may have begun at the same time.
    const isFull = (await this.list(user)).length > MAX_DEVICES;
    if (isFull) await this.forget({ user, device });
    return { isFull, before };
  }

  leave({ user, device, seen }: UserDevice & Pick<DeviceRow, "seen">): Promise<void> {
    return this.#notes.add({ user, device, seen });
  }

  async list(user: number): Promise<readonly DeviceRow[]> {
    return await this.#rows.get(user) ?? [];
  }

  async forget({ user, device }: UserDevice): Promise<void> {
    for (const table of ["token", "device", "deviceprogress"]) {
      await this.#db.run(`DELETE FROM ${table} WHERE userid = ? AND device = ?`, [user, device]);
    }
  }

  /** The row comes last: it says that the cursors are complete, also if this node stops in between. */
  async #begin({ user, device, client, seen }: UserDevice & DeviceRow): Promise<void> {
    await this.#db.run("DELETE FROM deviceprogress WHERE userid = ? AND device = ?", [user, device]);
    await this.#db.run(
      `INSERT INTO deviceprogress (userid, device, conv, delivered)
       SELECT userid, ?, conv, \`read\` FROM progress WHERE userid = ? AND \`read\` > joined`,
      [device, user],
    );
    await this.#db.run(
      `INSERT INTO device (userid, device, client, seen) VALUES (?, ?, ?, ?)
       ON DUPLICATE KEY UPDATE client = VALUES(client), seen = VALUES(seen)`,
      [user, device, client, seen],
    );
  }

  /** Changes what is there; a row that somebody has removed meanwhile does not come back. */
  async #note(notes: readonly Seen[]): Promise<void[]> {
    const newest = new Map<string, Seen>();
    for (const note of notes) {
      const key = `${note.user} ${note.device}`;
      newest.set(key, { ...newest.get(key), ...note });
    }
    // In the order of the key, so that two nodes do not wait for each other.
    const rows = padded(
      [...newest.values()].sort((a, b) => a.user - b.user || (a.device < b.device ? -1 : 1)),
    );
    // The character set is given, or else the join could not use the key of the table.
    const values = rows.map((_, i) =>
      `SELECT CAST(? AS SIGNED) ${i ? "" : "AS userid"}, CONVERT(? USING ascii) COLLATE ascii_bin ${
        i ? "" : "AS device"
      }, CAST(? AS SIGNED) ${i ? "" : "AS seen"}, CONVERT(? USING utf8mb4) COLLATE utf8mb4_bin ${
        i ? "" : "AS client"
      }`
    ).join(" UNION ALL ");
    await this.#db.run(
      `UPDATE device JOIN (${values}) AS note ON device.userid = note.userid AND device.device = note.device
          SET device.seen = GREATEST(device.seen, note.seen), device.client = COALESCE(note.client, device.client)`,
      rows.flatMap(({ user, device, seen, client }) => [user, device, seen, client ?? null]),
    );
    return notes.map(() => undefined);
  }

  async #find(users: readonly number[], logins: Database): Promise<Map<number, readonly DeviceRow[]>> {
    const some = padded(users);
    const rows = await logins.rows<DeviceRow & { userid: number }>(
      `SELECT userid, device, client, seen FROM device WHERE userid IN (${placeholders(some.length)})`,
      some,
    );
    const devices = new Map<number, readonly DeviceRow[]>();
    for (const [user, ofUser] of byKey(rows, ({ userid }) => userid)) {
      const sorted = ofUser.sort((a, b) => a.device < b.device ? -1 : 1);
      devices.set(user, sorted.map(({ device, client, seen }) => ({ device, client, seen })));
    }
    return devices;
  }
}
