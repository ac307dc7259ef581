import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { deno } from "./deno.ts";
import type { Program } from "./programs.ts";

/** The header is padded to this, so that the places of what follows do not depend on its own length. */
const HEADER_BYTES = 8192;

/** A native Deno executable as it goes into the files. */
export interface Runtime {
  /** Of the bytes before compression, 16 hexadecimal digits. */
  readonly hash: string;
  readonly size: number;
  readonly gzipped: Uint8Array<ArrayBuffer>;
}

/** One file's worth of JavaScript with everything it imports. */
export async function bundle(program: Program, options: { work: string }): Promise<Uint8Array<ArrayBuffer>> {
  const path = `${options.work}/${program.name}.js`;
  const { ok, said } = await deno(["bundle", "--platform=deno", `--output=${path}`, program.entry], options);
  if (!ok) throw new Error(`deno bundle ${program.entry} failed:\n${said.trim()}`);
  return await Deno.readFile(path);
}

/** Reads and compresses (level 1–9) a Deno executable; throws if it is a wrapper script and not the binary itself. */
export async function readRuntime(path: string, options: { level: number }): Promise<Runtime> {
  const bytes = await Deno.readFile(path);
  if (!isNative(bytes)) throw new Error(`${path} is not a native executable that could be packed`);
  const [digest, gzipped] = await Promise.all([hash(bytes), compress(bytes, options.level)]);
  return { hash: digest, size: bytes.length, gzipped };
}

/**
 * A file that runs on a machine without Deno: a shell header (see `header.sh`), the program, the runtime. Returned in
 * parts, to be written one after the other.
 */
export async function pack(
  program: Program,
  options: { code: Uint8Array<ArrayBuffer>; runtime: Runtime; level: number },
): Promise<Uint8Array<ArrayBuffer>[]> {
  const { code, runtime, level } = options;
  const template = await Deno.readTextFile(new URL("header.sh", import.meta.url));
  const permissions = program.permissions.join(" ");
  const gzipped = await compress(code, level);
  const values: Record<string, string | number> = {
    NAME: program.name,
    RUNTIME_HASH: runtime.hash,
    // The folder also holds a link to the runtime, and its name stands for what is run and how.
    PROGRAM_HASH: await hash(code, new TextEncoder().encode([runtime.hash, permissions].join("\0"))),
    HEADER_BYTES,
    PROGRAM_BYTES: gzipped.length,
    PROGRAM_START: HEADER_BYTES + 1,
    RUNTIME_START: HEADER_BYTES + gzipped.length + 1,
    PERMISSIONS: permissions,
  };
  const text = template.replaceAll(/@([A-Z_]+)@/g, (_, key: string) => {
    const value = values[key];
    if (value === undefined) throw new Error(`header.sh asks for an unknown value, ${key}`);
    return String(value);
  });
  const header = new Uint8Array(HEADER_BYTES).fill(0x0a);
  const bytes = new TextEncoder().encode(text);
  if (bytes.length > HEADER_BYTES) throw new Error(`header.sh is longer than ${HEADER_BYTES} bytes`);
  header.set(bytes);
  return [header, gzipped, runtime.gzipped];
}

const gzipAsync = promisify(gzip);

async function compress(bytes: Uint8Array<ArrayBuffer>, level: number): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await gzipAsync(bytes, { level, chunkSize: 1 << 20 }));
}

async function hash(...parts: Uint8Array<ArrayBuffer>[]): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await new Blob(parts).arrayBuffer());
  return new Uint8Array(digest).toHex().slice(0, 16);
}

/** ELF, or Mach-O for one or several architectures. */
function isNative(bytes: Uint8Array): boolean {
  const magic = bytes.subarray(0, 4).toHex();
  return ["7f454c46", "cffaedfe", "cafebabe"].includes(magic);
}
