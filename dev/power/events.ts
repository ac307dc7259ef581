import type { Operation } from "./disk.ts";
import { type Call, NotUnderstood, plain, type Step } from "./strace.ts";

/** A message that the server has said to be stored. */
export interface Acknowledged {
  readonly mid: string;
  readonly conv: string;
  readonly seq: number;
}

/**
 * What happened, in order. A message counts as acknowledged when the server begins to send the end of its
 * MESSAGE_ACK: from then on its client may know.
 */
export type Event =
  | { readonly kind: "begin" | "end"; readonly operation: Operation }
  | { readonly kind: "acknowledged"; readonly message: Acknowledged };

/**
 * What system calls did to the files of a folder that was empty before, and what they told clients. Files that need no
 * durability, SQLite's `-shm`, are left out.
 * @throws {NotUnderstood} at a call that changes these files in a way that is not known here.
 */
export function eventsOf(steps: Iterable<Step>, folder: string): Event[] {
  const events: Event[] = [];
  const operations = new Map<Call, readonly Operation[]>();
  const files = new FolderCalls(folder);
  const sent = new Acknowledgements();
  for (const { phase, call } of steps) {
    // What failed is as if it had not been called. What never returned, because the process ended, may have happened.
    if (call.result !== undefined && call.result < 0) continue;
    if (phase === "begin") {
      operations.set(call, files.operations(call));
      for (const message of sent.take(call)) events.push({ kind: "acknowledged", message });
    }
    for (const operation of operations.get(call) ?? []) events.push({ kind: phase, operation });
    if (phase === "end") operations.delete(call);
  }
  return events;
}

/** Tells what calls do to the files of one folder. */
class FolderCalls {
  readonly #folder: string;
  readonly #names = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  operations(call: Call): Operation[] {
    const { name, args, result } = call;
    switch (name) {
      case "open":
      case "openat":
      case "creat":
        return this.#open(call);
      case "unlink":
      case "unlinkat":
        return this.#named(call).map((path) => {
          this.#names.delete(path);
          return { kind: "remove", path };
        });
      case "rename":
      case "renameat":
      case "renameat2":
        return this.#rename(call);
    }
    const [path, ...others] = pathsOf(args);
    if (path === undefined || !this.#isOurs(path)) {
      // Another file than the first may be one of ours, or all files are meant.
      const isUnknown = others.some((other) => this.#isOurs(other)) || this.#named(call).length > 0 ||
        name === "sync" || name === "syncfs";
      if (isUnknown) throw unknown(call);
      return [];
    }
    switch (name) {
      case "fsync":
      case "fdatasync":
        return [{ kind: "sync", path }];
      case "pwrite64":
        return [{
          kind: "write",
          path,
          offset: lastNumber(call),
          data: call.strings[0]!.subarray(0, result),
        }];
      case "ftruncate":
        return [{ kind: "resize", path, size: lastNumber(call) }];
    }
    throw unknown(call);
  }

  #open(call: Call): Operation[] {
    const path = call.opened;
    if (path === undefined || !this.#isOurs(path)) return [];
    if (/O_(D?SYNC|DIRECT|TMPFILE)/.test(call.args)) throw unknown(call);
    const operations: Operation[] = [];
    if (/O_CREAT/.test(call.args) && !this.#names.has(path)) {
      this.#names.add(path);
      operations.push({ kind: "create", path });
    } else if (/O_TRUNC/.test(call.args)) {
      operations.push({ kind: "resize", path, size: 0 });
    }
    return operations;
  }

  #rename(call: Call): Operation[] {
    const ours = this.#named(call);
    if (ours.length === 0) return [];
    const [path, to] = ours;
    if (to === undefined) throw unknown(call);
    this.#names.delete(path!);
    this.#names.add(to);
    return [{ kind: "rename", path: path!, to }];
  }

  /** The paths of this folder among the strings of a call that takes paths; SQLite gives absolute ones. */
  #named({ name, strings }: Call): string[] {
    const takesPaths = /^(unlink|rename|link|truncate)/.test(name);
    if (!takesPaths) return [];
    return strings.map((bytes) => new TextDecoder().decode(bytes)).filter((path) => this.#isOurs(path));
  }

  /** Whether it is one of these files, or their folder. */
  #isOurs(path: string): boolean {
    return path === this.#folder || (path.startsWith(`${this.#folder}/`) && !path.endsWith("-shm"));
  }
}

/** Reads the lines that are sent to clients. */
class Acknowledgements {
  /** What was sent of a line whose end was not, by socket. */
  readonly #begun = new Map<string, string>();

  take(call: Call): Acknowledged[] {
    if (!/^(write|writev|sendto|sendmsg)$/.test(call.name)) return [];
    const [socket] = pathsOf(call.args);
    if (socket === undefined || !/^(socket:|TCP)/.test(socket)) return [];
    const sent = joined(call.strings).subarray(0, call.result ?? 0);
    // Texts of messages may be cut inside a character; what is looked for is plain ASCII.
    const lines = ((this.#begun.get(socket) ?? "") + new TextDecoder("latin1").decode(sent)).split("\n");
    this.#begun.set(socket, lines.pop()!);
    return lines.filter((line) => line.startsWith('{"msgid":12,')).map((line) => {
      const { mid, conv, seq } = JSON.parse(line) as Acknowledged;
      return { mid, conv, seq };
    });
  }
}

/** The paths of the file descriptors among arguments: `3</a/path>, …` → `/a/path`. */
function pathsOf(args: string): string[] {
  return [...args.matchAll(/(?:^|, )\d+<(.*?)>/g)].map(([, path]) => plain(path!));
}

function lastNumber(call: Call): number {
  const number = /, (\d+)$/.exec(call.args)?.[1];
  if (number === undefined) throw unknown(call);
  return Number(number);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0]!;
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function unknown({ name, args }: Call): NotUnderstood {
  return new NotUnderstood(
    `the server called ${name}(${args.slice(0, 100)}), which dev/power/events.ts does not know; add it there`,
  );
}
