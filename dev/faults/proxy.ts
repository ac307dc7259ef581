import { ProxyLink } from "./proxy_link.ts";
import { closeQuietly, isGone } from "./socket.ts";

/** A TCP proxy on loopback, before nginx or before a Redis, whose connections can be ill-treated. */
export class Proxy implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  #upstream: number;
  /** Milliseconds that a new connection adds to what the server says. */
  readonly #latency: () => number;
  /** The newest connection of each client port: the system gives a port away again while a cut one is still held. */
  readonly #byPort = new Map<number, ProxyLink>();
  readonly #links = new Set<ProxyLink>();
  readonly #running = new Set<Promise<void>>();
  #closed = false;
  readonly #accepting: Promise<void>;

  constructor(upstream: number, latency: () => number = () => 0) {
    this.#upstream = upstream;
    this.#latency = latency;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#accepting = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** The connection that a client made from this port of its own. */
  link(clientPort: number | undefined): ProxyLink | undefined {
    return clientPort === undefined ? undefined : this.#byPort.get(clientPort);
  }

  /** Breaks all connections; what is connected from now on is connected to another port. */
  lead(upstream: number): void {
    this.#upstream = upstream;
    for (const link of this.#links) link.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#listener.close();
    await this.#accepting;
    for (const link of this.#links) link.close();
    await Promise.all(this.#running);
  }

  async #accept(): Promise<void> {
    try {
      for await (const conn of this.#listener) {
        const running = this.#serve(conn).finally(() => this.#running.delete(running));
        this.#running.add(running);
      }
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    const { port } = client.remoteAddr;
    try {
      const server = await Deno.connect({ hostname: "127.0.0.1", port: this.#upstream });
      const link = new ProxyLink({ client, server, latency: this.#latency() });
      if (this.#closed) return link.close();
      this.#links.add(link);
      this.#byPort.set(port, link);
      await link.run();
      this.#links.delete(link);
      if (this.#byPort.get(port) === link) this.#byPort.delete(port);
    } catch (error) {
      if (!isGone(error)) throw error;
      closeQuietly(client);
    }
  }
}
