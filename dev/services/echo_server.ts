/** A TCP listener that answers each line with its name, for tests that look through nginx at who is behind it. */
export interface EchoServer extends AsyncDisposable {
  readonly port: number;
}

/** Starts an {@linkcode EchoServer} on loopback that answers `hello` with `<name> hello`. */
export function echoAs(name: string): EchoServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections = new Set<Deno.Conn>();
  const serve = async (connection: Deno.Conn) => {
    connections.add(connection);
    try {
      const buffer = new Uint8Array(1024);
      for (;;) {
        const read = await connection.read(buffer);
        if (read === null) break;
        const line = new TextDecoder().decode(buffer.subarray(0, read));
        await connection.write(new TextEncoder().encode(`${name} ${line}`));
      }
    } catch (error) {
      if (!CLOSED.some((closed) => error instanceof closed)) throw error;
    }
    if (connections.delete(connection)) connection.close();
  };
  const accepting = (async () => {
    const serving: Promise<void>[] = [];
    for await (const connection of listener) serving.push(serve(connection));
    await Promise.all(serving);
  })();
  return {
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      for (const connection of connections) connection.close();
      connections.clear();
      await accepting;
    },
  };
}

/** Sends one line and reads what comes back in one piece, without its end; undefined if the connection was closed. */
export async function ask(connection: Deno.Conn, line: string): Promise<string | undefined> {
  await connection.write(new TextEncoder().encode(`${line}\n`));
  const buffer = new Uint8Array(1024);
  const read = await connection.read(buffer);
  return read === null ? undefined : new TextDecoder().decode(buffer.subarray(0, read)).trimEnd();
}

/** How a connection ends that was closed by the disposal or by the other side. */
const CLOSED = [
  Deno.errors.BadResource,
  Deno.errors.Interrupted,
  Deno.errors.ConnectionReset,
  Deno.errors.BrokenPipe,
];
