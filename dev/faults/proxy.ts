import { ProxyLink } from "./proxy_link.ts";
import { closeQuietly, isGone } from "./socket.ts";

/** A TCP proxy on loopback, between the suite's clients and nginx, whose connections can be ill-treated. */
export class Proxy implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #upstream: number;
  /** Milliseconds that a new connection adds to what the server says. */
  readonly #latency: () => number;
  readonly #links = new Map<number, ProxyLink>();
  readonly #running = new Set<Promise<void>>();
  readonly #accepting: Promise<void>;

  constructor(upstream: number, latency: () => number) {
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
    return clientPort === undefined ? undefined : this.#links.get(clientPort);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    for (const link of this.#links.values()) link.close();
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
      this.#links.set(port, link);
      await link.run();
      if (this.#links.get(port) === link) this.#links.delete(port);
    } catch (error) {
      if (!isGone(error)) throw error;
      closeQuietly(client);
    }
  }
}
