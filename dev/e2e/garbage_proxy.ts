/** A TCP proxy that can put bytes of its own among what the server answers: a broken middle box, or a confused server. */
export class GarbageProxy implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #target: { hostname: string; port: number };
  readonly #clients = new Set<Deno.TcpConn>();
  readonly #conns = new Set<Deno.TcpConn>();
  readonly #running: Promise<void>[] = [];
  #before: Uint8Array | undefined;

  constructor(port: number) {
    this.#target = { hostname: "127.0.0.1", port };
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#running.push(this.#accept());
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Writes this to every client that is connected. */
  async inject(bytes: Uint8Array): Promise<void> {
    for (const client of this.#clients) await writeAll(client, bytes);
  }

  /** Begins each new connection, or each further answer, with this; undefined ends it. */
  spoil(bytes: Uint8Array | undefined): void {
    this.#before = bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of this.#conns) close(conn);
    await Promise.all(this.#running);
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      try {
        const server = await Deno.connect(this.#target);
        for (const conn of [client, server]) this.#conns.add(conn);
        this.#clients.add(client);
        this.#running.push(this.#pump(client, server, () => undefined));
        this.#running.push(
          this.#pump(server, client, () => this.#before).then(() => void this.#clients.delete(client)),
        );
      } catch (error) {
        if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
        close(client);
      }
    }
  }

  async #pump(from: Deno.TcpConn, to: Deno.TcpConn, before: () => Uint8Array | undefined): Promise<void> {
    const buffer = new Uint8Array(65536);
    try {
      for (let size = await from.read(buffer); size !== null; size = await from.read(buffer)) {
        const spoiled = before();
        if (spoiled) await writeAll(to, spoiled);
        await writeAll(to, buffer.subarray(0, size));
      }
    } catch (error) {
      if (!isClosed(error)) throw error;
    } finally {
      close(from);
      close(to);
    }
  }
}

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  try {
    for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
  } catch (error) {
    if (!isClosed(error)) throw error;
  }
}

function close(conn: Deno.TcpConn): void {
  try {
    conn.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

const isClosed = (error: unknown) =>
  [Deno.errors.BadResource, Deno.errors.ConnectionReset, Deno.errors.BrokenPipe, Deno.errors.Interrupted]
    .some((kind) => error instanceof kind);
