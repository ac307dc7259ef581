/**
 * Ports below the range that kernels take source ports from (Linux from 32768, macOS and Windows from 49152). A port
 * that the kernel gives for 0 lies inside it: while its server is down for a restart, any outgoing connection may be
 * given the same number (a client that keeps dialling it can even connect to itself), and the server cannot come back.
 */
const FIRST = 15_000;
const LAST = 32_000;
const TRIES = 100;

/** A loopback TCP port that was free a moment ago, and that a server can leave and come back to. */
export function freePort(): number {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (isFree(port)) return port;
  }
  throw new Error(`no free port among ${TRIES} tried between ${FIRST} and ${LAST}`);
}

/** Whether a server could listen on this loopback port now. */
export function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return false;
    throw error;
  }
}
