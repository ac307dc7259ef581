import type { Random } from "../faults/random.ts";
import { Bytes } from "./bytes.ts";

/** What a program asks of the file system. Paths are absolute. */
export type Operation =
  | { readonly kind: "write"; readonly path: string; readonly offset: number; readonly data: Uint8Array }
  | { readonly kind: "resize"; readonly path: string; readonly size: number }
  | { readonly kind: "create"; readonly path: string }
  | { readonly kind: "remove"; readonly path: string }
  | { readonly kind: "rename"; readonly path: string; readonly to: string }
  /** Of a file: its content. Of a folder: the names in it. */
  | { readonly kind: "sync"; readonly path: string };

/** The unit in which a disk writes. */
export const SECTOR = 512;

/** An operation that has begun. */
export interface Begun {
  readonly operation: Operation;
  /** Carries out what follows from its return. */
  readonly end: () => void;
}

/** Something that is in memory and may or may not be on the disk. */
interface Change<T> {
  readonly what: T;
  returned: boolean;
}

type Content = Extract<Operation, { kind: "write" | "resize" }>;
type Naming =
  | { readonly kind: "create" | "remove"; readonly path: string; readonly file: StoredFile }
  | { readonly kind: "rename"; readonly path: string; readonly to: string; readonly file: StoredFile };

/** A file apart from its name. */
interface StoredFile {
  readonly synced: Bytes;
  changes: Change<Content>[];
}

/** The part of what was not synced that a power failure happens to leave on the disk. */
export interface Luck {
  /** Probability of each unsynced change to be on the disk, from 0 to 1. */
  readonly kept: number;
  /** Probability of a kept write to be torn: then each of its sectors is on the disk or not. */
  readonly torn: number;
  readonly random: Random;
}

/** What is found after a power failure. */
export interface Remains {
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** How many files hold a part of a write, and no more than a part. */
  readonly tornFiles: number;
  /** Changes that had not been synced, and how many of them are not or not wholly there. */
  readonly unsynced: number;
  readonly lost: number;
}

/**
 * The files of a few folders with the difference between memory and disk. What is assumed about the disk:
 *
 * - Content is certain only when an fsync or fdatasync of the file, called after the write had returned, has returned.
 *   Until then each sector of 512 bytes is on the disk as it was after any of the changes since, or before them: writes
 *   are torn at sectors, and reach the disk in any order. A sector is never half written, and bytes around a write stay.
 * - The size of a file grows before its content arrives. Sectors that are in the file and were not written hold zeros or
 *   garbage.
 * - Names (created, removed, renamed) are certain only after an fsync of the folder. Until then each of these changes is
 *   on the disk wholly or not at all, in any combination.
 * - What an fsync has made certain stays: the disk does not lie, and does not rot.
 *
 * These are the assumptions of https://sqlite.org/atomiccommit.html (section 2, "Hardware Assumptions") and
 * https://sqlite.org/psow.html; that a name needs an fsync of the folder is in the manual of fsync(2). ext4 and XFS
 * promise more (the order of names; no garbage): what holds here holds there.
 */
export class Disk {
  /** Names in memory, and names that are certain. */
  readonly #names = new Map<string, StoredFile>();
  readonly #synced = new Map<string, StoredFile>();
  #namings: Change<Naming>[] = [];

  /** Whether a file has this name in memory. */
  has(path: string): boolean {
    return this.#names.has(path);
  }

  /** Begins an operation. From now on the disk may hold its effect. */
  begin(operation: Operation): Begun {
    const end = operation.kind === "sync"
      ? this.#beginSync(operation.path)
      : operation.kind === "write" || operation.kind === "resize"
      ? this.#beginContent(operation)
      : this.#beginNaming(operation);
    return { operation, end };
  }

  /** The files as programs see them. */
  files(): Map<string, Uint8Array> {
    return new Map([...this.#names].map(([path, file]) => [path, inMemory(file).take()]));
  }

  /** The files as they are after a power failure at this moment. */
  cut(luck: Luck): Remains {
    const { random } = luck;
    const names = new Map(this.#synced);
    const counts = { tornFiles: 0, unsynced: this.#namings.length, lost: 0 };
    for (const { what } of this.#namings) {
      if (random.chance(luck.kept)) name(names, what);
      else counts.lost++;
    }
    const files = new Map<string, Uint8Array>();
    for (const [path, file] of names) {
      const { bytes, torn, lost } = onDisk(file, luck);
      files.set(path, bytes);
      counts.unsynced += file.changes.length;
      counts.lost += lost;
      if (torn) counts.tornFiles++;
    }
    return { files, ...counts };
  }

  #beginContent(what: Content): () => void {
    const change = { what, returned: false };
    this.#file(what.path).changes.push(change);
    return () => change.returned = true;
  }

  #beginNaming(operation: Extract<Operation, { kind: "create" | "remove" | "rename" }>): () => void {
    const file = operation.kind === "create"
      ? { synced: new Bytes(), changes: [] }
      : this.#file(operation.path);
    const change = { what: { ...operation, file }, returned: false };
    this.#namings.push(change);
    name(this.#names, change.what);
    return () => change.returned = true;
  }

  /** Covers what had returned when it began, and makes that certain when it returns. */
  #beginSync(path: string): () => void {
    const file = this.#names.get(path);
    if (file !== undefined) {
      const covered = new Set(file.changes.filter(({ returned }) => returned));
      return () => {
        for (const { what } of covered) change(file.synced, what);
        file.changes = file.changes.filter((one) => !covered.has(one));
      };
    }
    const isInside = ({ what }: Change<Naming>) => what.path.slice(0, what.path.lastIndexOf("/")) === path;
    const covered = new Set(this.#namings.filter((one) => one.returned && isInside(one)));
    return () => {
      for (const { what } of covered) name(this.#synced, what);
      this.#namings = this.#namings.filter((one) => !covered.has(one));
    };
  }

  #file(path: string): StoredFile {
    const file = this.#names.get(path);
    if (file === undefined) throw new TypeError(`${path} was used before it was created`);
    return file;
  }
}

function name(names: Map<string, StoredFile>, what: Naming): void {
  if (what.kind !== "create") names.delete(what.path);
  if (what.kind === "create") names.set(what.path, what.file);
  if (what.kind === "rename") names.set(what.to, what.file);
}

function change(bytes: Bytes, what: Content): void {
  if (what.kind === "write") bytes.write(what.data, what.offset);
  else bytes.resize(what.size);
}

function inMemory({ synced, changes }: StoredFile): Bytes {
  const bytes = synced.copy(roomFor(changes));
  for (const { what } of changes) change(bytes, what);
  return bytes;
}

function roomFor(changes: readonly Change<Content>[]): number {
  const ends = changes.map(({ what }) => what.kind === "write" ? what.offset + what.data.length : what.size);
  return ends.reduce((a, b) => Math.max(a, b), 0);
}

/** A file's content as a power failure leaves it. */
function onDisk(file: StoredFile, luck: Luck): { bytes: Uint8Array; torn: boolean; lost: number } {
  const room = roomFor(file.changes);
  const disk = file.synced.copy(room);
  if (file.changes.length === 0) return { bytes: disk.take(), torn: false, lost: 0 };
  const memory = file.synced.copy(room);
  const { random } = luck;
  let [torn, lost] = [false, 0];
  for (const { what } of file.changes) {
    change(memory, what);
    const isKept = random.chance(luck.kept);
    if (what.kind === "resize") {
      if (isKept) disk.resize(what.size);
      else lost++;
      continue;
    }
    const [first, last] = [sectorOf(what.offset), sectorOf(what.offset + what.data.length - 1)];
    const isTorn = isKept && random.chance(luck.torn);
    let sectors = 0;
    for (let sector = first; isKept && sector <= last; sector++) {
      if (isTorn && random.chance(0.5)) continue;
      const from = sector * SECTOR;
      grow(disk, { to: from, random });
      // The sector as it is in memory, with what other writes did to it before.
      disk.write(memory.part(from, from + SECTOR), from);
      sectors++;
    }
    if (sectors <= last - first) lost++;
    if (sectors > 0 && sectors <= last - first) torn = true;
  }
  if (random.chance(luck.kept)) grow(disk, { to: memory.size, random });
  return { bytes: disk.take(), torn, lost };
}

const sectorOf = (offset: number) => Math.floor(offset / SECTOR);

/** Makes a file longer by sectors that were not written: they hold zeros, or what was there before the file had them. */
function grow(disk: Bytes, { to, random }: { to: number; random: Random }): void {
  // A sector that the file had a part of was written wholly, with zeros at its end.
  const first = sectorOf(disk.size + SECTOR - 1) * SECTOR;
  if (to > disk.size) disk.resize(to);
  for (let at = first; at < to; at += SECTOR) {
    if (random.chance(0.5)) disk.write(garbage(Math.min(SECTOR, to - at), random), at);
  }
}

function garbage(length: number, random: Random): Uint8Array {
  const bytes = new Uint8Array(length);
  const words = new Uint32Array(Math.ceil(length / 4)).map(() => random.between(0, 0xffff_ffff));
  bytes.set(new Uint8Array(words.buffer, 0, length));
  return bytes;
}
