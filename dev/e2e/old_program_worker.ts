/// <reference lib="deno.worker" />
import { Random } from "../faults/random.ts";
import { makeWorkersPrompt } from "./promptness.ts";

/** What the program is told. */
export type ToProgram =
  | { readonly connect: Connect }
  | { readonly say: string };

interface Connect {
  readonly port: number;
  readonly seed: number;
  /** How long it takes to come back from a read, at most, in ms. */
  readonly slowest: number;
  /** Whether it is to run as soon as it is ready, whatever else the machine does. */
  readonly prompt: boolean;
}

/** What it tells: what it has read, or why it has ended. */
export type FromProgram = { readonly read: string } | { readonly aborted: string };

/** What the program has room for at once, in bytes. */
const BUFFER = 1024;
const KNOWN = [2, 5, 6, 7, 8, 11, 16];

let conn: Promise<Deno.TcpConn> | undefined;
let saying = Promise.resolve();
const tell = (what: FromProgram) => self.postMessage(what);

self.addEventListener("message", ({ data }: MessageEvent<ToProgram>) => {
  if ("connect" in data) {
    const { port, seed, slowest, prompt } = data.connect;
    if (prompt) makeWorkersPrompt();
    conn = Deno.connect({ hostname: "127.0.0.1", port });
    read(conn, { random: new Random(seed), slowest }).catch((error) => tell({ aborted: `${error}` }));
  } else {
    saying = saying.then(async () => {
      const bytes = new TextEncoder().encode(data.say);
      for (let at = 0; at < bytes.length;) at += await (await conn!).write(bytes.subarray(at));
    }).catch((error) => tell({ aborted: `${error}` }));
  }
});

/** Reads as the programs of old do: what one `recv` gives is one object, and anything else is the end. */
async function read(
  connecting: Promise<Deno.TcpConn>,
  { random, slowest }: { random: Random; slowest: number },
): Promise<void> {
  const conn = await connecting;
  const buffer = new Uint8Array(BUFFER);
  const wait = new Int32Array(new SharedArrayBuffer(4));
  while (true) {
    const count = await conn.read(buffer);
    if (count === null) return tell({ aborted: "the server has closed the connection" });
    const text = new TextDecoder().decode(buffer.subarray(0, count));
    if (count === BUFFER) return abort(conn, `no room for the end of it: ${text}`);
    try {
      const { msgid } = JSON.parse(text);
      if (!KNOWN.includes(msgid)) return abort(conn, `nothing that it knows: ${text}`);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return abort(conn, `not one object: ${text}`);
    }
    tell({ read: text });
    // Timers of the runtime are not exact enough.
    Atomics.wait(wait, 0, 0, slowest * random.next());
  }
}

function abort(conn: Deno.TcpConn, why: string): void {
  conn.close();
  tell({ aborted: why });
}
