/** A TCP proxy that can stop in the middle: what a frozen process, or a network that swallows everything, looks like. */
export class HoldingProxy implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #target: { hostname: string; port: number };
  readonly #conns = new Set<Deno.TcpConn>();
  #left = Infinity;
  #held = Promise.withResolvers<void>();
  #released = Promise.withResolvers<void>();

  constructor(port: number) {
    this.#target = { hostname: "127.0.0.1", port };
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /**
   * Lets `count` more requests through and holds what follows. Resolves when something is held.
   * A request is what the client sends in one write.
   */
  holdAfter(count: number): Promise<void> {
    this.#left = count;
    this.#held = Promise.withResolvers();
    this.#released = Promise.withResolvers();
    return this.#held.promise;
  }

  /** Lets everything through again, what was held first. */
  release(): void {
    this.#left = Infinity;
    this.#released.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.release();
    this.#listener.close();
    for (const conn of this.#conns) conn.close();
    return Promise.resolve();
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      const server = await Deno.connect(this.#target);
      for (const conn of [client, server]) this.#conns.add(conn);
      const requests = this.#pump(client, { to: server, counts: true });
      const answers = this.#pump(server, { to: client, counts: false });
      Promise.all([requests, answers]).catch(() => "closed");
    }
  }

  async #pump(from: Deno.TcpConn, { to, counts }: { to: Deno.TcpConn; counts: boolean }): Promise<void> {
    const buffer = new Uint8Array(65536);
    for (let size = await from.read(buffer); size !== null; size = await from.read(buffer)) {
      if (counts && --this.#left < 0) this.#held.resolve();
      if (this.#left < 0) await this.#released.promise;
      for (let at = 0; at < size;) at += await to.write(buffer.subarray(at, size));
    }
    to.closeWrite();
  }
}
