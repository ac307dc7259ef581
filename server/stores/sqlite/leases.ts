import type { HeldLease, Lease, LeaseStore, NodeBeat, Pulse } from "../store.ts";

/** Leases of a store that has one node: that node's memory. Whoever asks is alive, and nobody else is there. */
export class MemoryLeases implements LeaseStore {
  readonly shared: boolean = false;
  readonly #readLog: () => Promise<string>;
  readonly #leases = new Map<number, Lease & { wanted: boolean }>();
  readonly #nodes = new Map<string, number>();

  /** @param readLog The name that the message log has now. */
  constructor(readLog: () => Promise<string>) {
    this.#readLog = readLog;
  }

  enter({ id, beat }: NodeBeat): Promise<void> {
    this.#nodes.set(id, beat);
    return Promise.resolve();
  }

  async beat(node: string): Promise<Pulse> {
    const beat = this.#nodes.get(node);
    if (beat !== undefined) this.#nodes.set(node, beat + 1);
    const nodes = [...this.#nodes].map(([id, beat]) => ({ id, beat }));
    return { ours: beat !== undefined, nodes, log: await this.#readLog() };
  }

  take(lease: Lease): Promise<Lease | undefined> {
    const holder = this.#leases.get(lease.user);
    if (!holder) this.#leases.set(lease.user, { ...lease, wanted: false });
    if (!holder || holder.session === lease.session) return Promise.resolve(undefined);
    return Promise.resolve({ user: holder.user, node: holder.node, session: holder.session });
  }

  want(user: number): Promise<void> {
    const lease = this.#leases.get(user);
    if (lease) lease.wanted = true;
    return Promise.resolve();
  }

  release({ user, session }: Pick<Lease, "user" | "session">): Promise<void> {
    if (this.#leases.get(user)?.session === session) this.#leases.delete(user);
    return Promise.resolve();
  }

  held(node: string): Promise<HeldLease[]> {
    return Promise.resolve(
      [...this.#leases.values()].filter((lease) => lease.node === node)
        .map(({ user, session, wanted }) => ({ user, session, wanted })),
    );
  }

  online(users: readonly number[]): Promise<Set<number>> {
    return Promise.resolve(new Set(users.filter((user) => this.#leases.has(user))));
  }

  bury({ id, beat }: NodeBeat): Promise<void> {
    if (this.#nodes.get(id) === beat) this.#nodes.delete(id);
    return Promise.resolve();
  }

  sweep(): Promise<{ freed: number[]; left: number }> {
    const lost = [...this.#leases.values()].filter(({ node }) => !this.#nodes.has(node));
    for (const { user } of lost) this.#leases.delete(user);
    return Promise.resolve({ freed: lost.map(({ user }) => user), left: 0 });
  }

  leave(node: string): Promise<void> {
    for (const lease of this.#leases.values()) if (lease.node === node) this.#leases.delete(lease.user);
    this.#nodes.delete(node);
    return Promise.resolve();
  }
}
