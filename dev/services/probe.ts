const ANSWER_WITHIN_MS = 1_000;

/**
 * Connects to a Unix socket, sends `request` if there is one, and gives back the first bytes that come; undefined if
 * nobody answers within a second. A socket in a server's own folder, unlike its port, cannot belong to another server.
 */
export async function firstAnswer(path: string, request?: string): Promise<Uint8Array | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    using connection = await Deno.connect({ transport: "unix", path });
    timer = setTimeout(() => connection.close(), ANSWER_WITHIN_MS);
    if (request !== undefined) await connection.write(new TextEncoder().encode(request));
    const buffer = new Uint8Array(256);
    const read = await connection.read(buffer);
    return buffer.subarray(0, read ?? 0);
  } catch (error) {
    if (NOT_YET.some((notYet) => error instanceof notYet)) return undefined;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

const NOT_YET = [
  Deno.errors.NotFound, // the socket is not there yet
  Deno.errors.ConnectionRefused, // left over from a killed process
  Deno.errors.ConnectionReset,
  Deno.errors.BrokenPipe,
  Deno.errors.Interrupted, // closed by the timer
  Deno.errors.BadResource,
];
