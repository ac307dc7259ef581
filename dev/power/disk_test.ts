import { assert, assertEquals } from "@std/assert";
import { Random } from "../faults/random.ts";
import { Disk, type Operation, SECTOR } from "./disk.ts";

const FILE = "/data/a";
const FOLDER = "/data";

const luck = (kept: number, { torn = 0, seed = 1 } = {}) => ({ kept, torn, random: new Random(seed) });
const filled = (value: number, sectors = 1) => new Uint8Array(sectors * SECTOR).fill(value);
const write = (value: number, { at = 0, sectors = 1 } = {}): Operation => (
  { kind: "write", path: FILE, offset: at * SECTOR, data: filled(value, sectors) }
);
const SYNC: Operation = { kind: "sync", path: FILE };
const SYNC_FOLDER: Operation = { kind: "sync", path: FOLDER };

/** A disk on which these operations have returned, one after the other. */
function diskAfter(...operations: Operation[]): Disk {
  const disk = new Disk();
  for (const operation of operations) disk.begin(operation).end();
  return disk;
}

/** The values of the sectors of the file after a power failure; -1 for one of several values. */
function sectors(disk: Disk, kept: number, options?: { torn?: number; seed?: number }): number[] | undefined {
  const bytes = disk.cut(luck(kept, options)).files.get(FILE);
  return bytes && Array.from({ length: Math.ceil(bytes.length / SECTOR) }, (_, i) => {
    const sector = bytes.subarray(i * SECTOR, (i + 1) * SECTOR);
    return sector.every((byte) => byte === sector[0]) ? sector[0]! : -1;
  });
}

const created = (...operations: Operation[]) => diskAfter({ kind: "create", path: FILE }, ...operations);
const durable = (...operations: Operation[]) => created(SYNC_FOLDER, ...operations);

Deno.test("disk: content is certain after fsync, a name after fsync of the folder", () => {
  assertEquals(sectors(created(write(1), SYNC), 0), undefined);
  assertEquals(sectors(durable(write(1)), 0), []);
  assertEquals(sectors(durable(write(1), SYNC), 0), [1]);
  assertEquals(sectors(durable(write(1), SYNC, write(2)), 0), [1]);
  assertEquals(sectors(durable(write(1), SYNC, write(2)), 1), [2]);
  assertEquals(sectors(created(write(1), SYNC, SYNC_FOLDER), 0), [1]);
});

Deno.test("disk: fsync covers what had returned when it was called, and counts when it returns", () => {
  const disk = durable();
  disk.begin(write(1)).end();
  const unfinished = disk.begin(write(2, { at: 1 }));
  const sync = disk.begin(SYNC);
  disk.begin(write(3, { at: 2 })).end();
  assertEquals(sectors(disk, 0), []);
  unfinished.end();
  sync.end();
  assertEquals(sectors(disk, 0), [1]);
  disk.begin(SYNC).end();
  assertEquals(sectors(disk, 0), [1, 2, 3]);
});

Deno.test("disk: removing and renaming are certain after fsync of the folder, and before then whole or not at all", () => {
  const remove: Operation = { kind: "remove", path: FILE };
  assertEquals(sectors(durable(write(1), SYNC, remove), 0), [1]);
  assertEquals(sectors(durable(write(1), SYNC, remove), 1), undefined);
  assertEquals(sectors(durable(write(1), SYNC, remove, SYNC_FOLDER), 0), undefined);
  const rename: Operation = { kind: "rename", path: FILE, to: "/data/b" };
  const names = (disk: Disk, kept: number) => [...disk.cut(luck(kept)).files.keys()];
  assertEquals(names(durable(rename), 0), [FILE]);
  assertEquals(names(durable(rename), 1), ["/data/b"]);
  // A file that takes the name of one that is removed is another file.
  const again = durable(write(1), SYNC, remove, { kind: "create", path: FILE }, write(2), SYNC);
  assertEquals(sectors(again, 0), [1]);
  assertEquals(sectors(again, 1), [2]);
});

Deno.test("disk: a write is torn at sectors, and every combination of them is found", () => {
  const disk = durable(write(1, { sectors: 3 }), SYNC, write(2, { sectors: 3 }));
  const seen = new Set<string>();
  for (let seed = 0; seed < 300; seed++) seen.add(sectors(disk, 1, { torn: 1, seed })!.join(""));
  assertEquals([...seen].sort(), ["111", "112", "121", "122", "211", "212", "221", "222"]);
  const torn = Array.from({ length: 50 }, (_, seed) => disk.cut(luck(1, { torn: 1, seed })));
  assert(torn.some(({ tornFiles }) => tornFiles === 1));
  assertEquals(disk.cut(luck(1)).tornFiles, 0);
  const { tornFiles, unsynced, lost } = disk.cut(luck(0));
  assertEquals({ tornFiles, unsynced, lost }, { tornFiles: 0, unsynced: 1, lost: 1 });
});

Deno.test("disk: a sector is as it was in memory at some time, never a mixture of that", () => {
  const half = (value: number, offset: number): Operation => (
    { kind: "write", path: FILE, offset, data: filled(value).subarray(0, SECTOR / 2) }
  );
  const disk = durable(write(0), SYNC, half(1, 0), half(2, SECTOR / 2));
  const seen = new Set<string>();
  for (let seed = 0; seed < 100; seed++) {
    const bytes = disk.cut(luck(0.5, { seed })).files.get(FILE)!;
    seen.add(`${bytes[0]} ${bytes[SECTOR - 1]}`);
  }
  // Not "0 2": when the second half was written the first one was in the same sector.
  assertEquals([...seen].sort(), ["0 0", "1 0", "1 2"]);
});

Deno.test("disk: a file that grew holds zeros or garbage where nothing was written, and what was synced stays", () => {
  const disk = durable(write(1), SYNC, write(2, { at: 3 }));
  const seen = new Set<string>();
  for (let seed = 0; seed < 300; seed++) {
    const found = sectors(disk, 0.5, { seed })!;
    assertEquals(found[0], 1);
    assert(found.length <= 4);
    seen.add(found.join(" "));
  }
  for (const expected of ["1", "1 0 0 2", "1 -1 0 2", "1 0 -1 2", "1 0 0 0"]) {
    assert(seen.has(expected), expected);
  }
});

Deno.test("disk: with all luck the files are as programs see them", () => {
  const resize: Operation = { kind: "resize", path: FILE, size: SECTOR + 1 };
  const disk = durable(write(1, { sectors: 2 }), SYNC, write(2, { at: 1 }), resize, write(3, { at: 2 }));
  assertEquals(disk.cut(luck(1)).files, disk.files());
  assertEquals(disk.files().get(FILE)!.length, 3 * SECTOR);
});
