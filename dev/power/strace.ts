import { findBinary } from "../services/command.ts";

/** System calls that change files, make them durable, or send to a client; `?` allows for those that a machine lacks. */
const CALLS = [
  ...[
    "openat",
    "?open",
    "?creat",
    "?rename",
    "?renameat",
    "renameat2",
    "?unlink",
    "unlinkat",
    "?link",
    "linkat",
  ],
  ...["truncate", "ftruncate", "fallocate", "write", "pwrite64", "writev", "pwritev", "?pwritev2"],
  ...["copy_file_range", "sendfile", "fsync", "fdatasync", "sync", "syncfs", "sendto", "sendmsg"],
];
/** Strings of calls are recorded up to so many bytes; the server writes no longer ones. */
const LONGEST = 4 * 1024 * 1024;

/** What is needed to record system calls is missing; the message says what to do. */
export class StraceMissing extends Error {
  override readonly name = "StraceMissing";
}

/** @throws {StraceMissing} */
export async function needStrace(): Promise<void> {
  if (await findBinary("strace") !== undefined) return;
  throw new StraceMissing(
    "strace is not installed; on Debian or Ubuntu type: sudo apt-get update && sudo apt-get install -y strace",
  );
}

/**
 * The command that runs a program and records the calls of all its threads in `file`, in the order in which they
 * happened. strace sees a call before the kernel carries it out, and sees its result before the program does. So a call
 * that another one had to wait for ends in the file before the other one begins.
 *
 * `-D`: the program itself is the child, and gets the signals. `-y`: a file is named by its path wherever it is used.
 * `-xx`: strings are hexadecimal and contain no quotes.
 */
export function straceCommand(file: string): string[] {
  const trace = `trace=${CALLS.join(",")}`;
  const strings = ["-xx", "-s", String(LONGEST)];
  return [
    "strace",
    "-D",
    "-f",
    "--seccomp-bpf",
    "-y",
    ...strings,
    "-e",
    trace,
    "-e",
    "signal=none",
    "-o",
    file,
  ];
}

/** A system call. */
export interface Call {
  readonly thread: number;
  readonly name: string;
  /** The arguments as strace writes them, but each string is its index in {@linkcode strings}, in quotes. */
  readonly args: string;
  readonly strings: readonly Uint8Array[];
  /** What it returned, -1 if it failed, or undefined if it never did. Known when all lines have been read. */
  result: number | undefined;
  /** For `openat`: the path of what was opened. */
  opened: string | undefined;
}

/** A call begins, or it returns. */
export interface Step {
  readonly phase: "begin" | "end";
  readonly call: Call;
}

/** strace wrote something that is not understood, which would make any result worthless. */
export class NotUnderstood extends Error {
  override readonly name = "NotUnderstood";
}

/** Reads the lines that strace wrote. @throws {NotUnderstood} */
export class StraceParser {
  readonly #unfinished = new Map<number, Call>();
  readonly steps: Step[] = [];

  /** Reads a whole file. */
  static read(bytes: Uint8Array): Step[] {
    const parser = new StraceParser();
    for (let from = 0; from < bytes.length;) {
      const end = bytes.indexOf(NEWLINE, from);
      // The last line lacks its end if strace was killed.
      if (end < 0) break;
      parser.line(bytes.subarray(from, end));
      from = end + 1;
    }
    return parser.steps;
  }

  /** Takes one line, without its end. */
  line(line: Uint8Array): void {
    const { text, strings } = withoutStrings(line);
    if (/^\d+ +(\+\+\+|---)/.test(text)) return;
    const begun = /^(\d+) +(\w+)\((.*?)(?: <unfinished \.\.\.>|\) += (.*))$/.exec(text);
    if (begun !== null) {
      const [, thread, name, args, result] = begun;
      const call: Call = {
        ...{ thread: Number(thread), name: name!, args: args!, strings },
        ...{ result: undefined, opened: undefined },
      };
      this.steps.push({ phase: "begin", call });
      if (result === undefined) this.#unfinished.set(call.thread, call);
      else this.#end(call, result);
      return;
    }
    const [, thread, name, result] = /^(\d+) +<\.\.\. (\w+) resumed>.*?\) += (.*)$/.exec(text) ?? [];
    const call = this.#unfinished.get(Number(thread));
    // A thread that is ended in the middle of a call leaves no result.
    if (/^\d+ +<\.\.\. \w+ resumed>.* <unfinished \.\.\.>\)? += \?$/.test(text)) return;
    if (result === undefined || call?.name !== name) {
      throw new NotUnderstood(`strace wrote a line that is not understood: ${text.slice(0, 200)}`);
    }
    this.#unfinished.delete(call!.thread);
    this.#end(call!, result);
  }

  #end(call: Call, result: string): void {
    if (result.startsWith("?")) return;
    const [, number, path] = /^(-?\d+)(?:<(.*)>)?/.exec(result) ?? [];
    if (number === undefined) throw new NotUnderstood(`${call.name} returned ${result.slice(0, 200)}`);
    call.result = Number(number);
    call.opened = path === undefined ? undefined : plain(path);
    this.steps.push({ phase: "end", call });
  }
}

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const DOT = 0x2e;
/** Values of hexadecimal digits, by their character codes. */
const DIGIT = Uint8Array.from({ length: 128 }, (_, code) => {
  const value = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(value) ? 0 : value;
});

/** Takes the strings out of a line, and leaves their indices. */
function withoutStrings(line: Uint8Array): { text: string; strings: Uint8Array[] } {
  const utf8 = new TextDecoder();
  const strings: Uint8Array[] = [];
  let text = "";
  let from = 0;
  for (let open; (open = line.indexOf(QUOTE, from)) >= 0;) {
    const close = line.indexOf(QUOTE, open + 1);
    if (close < 0 || line[close + 1] === DOT) {
      throw new NotUnderstood(`strace cut a string short: ${utf8.decode(line.subarray(0, open))}"…`);
    }
    text += `${utf8.decode(line.subarray(from, open))}"${strings.length}"`;
    strings.push(bytesOf(line.subarray(open + 1, close)));
    from = close + 1;
  }
  return { text: text + utf8.decode(line.subarray(from)), strings };
}

/** `\x41\x42` as bytes. */
function bytesOf(hex: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(hex.length >> 2);
  for (let i = 0, at = 2; i < bytes.length; i++, at += 4) {
    bytes[i] = (DIGIT[hex[at]!]! << 4) | DIGIT[hex[at + 1]!]!;
  }
  return bytes;
}

/** A path that strace may have written in hexadecimal. */
export function plain(path: string): string {
  return /^(?:\\x[0-9a-f]{2})+$/.test(path)
    ? new TextDecoder().decode(bytesOf(new TextEncoder().encode(path)))
    : path;
}
