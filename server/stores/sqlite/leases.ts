import type { Lease, LeaseStore } from "../store.ts";

/** Leases of a store that has one node: that node's memory. It cannot be dead while it asks. */
export class MemoryLeases implements LeaseStore {
  readonly ttl = Infinity;
  readonly #leases = new Map<number, Lease & { wanted: boolean }>();

  beat(): Promise<void> {
    return Promise.resolve();
  }

  take(lease: Lease): Promise<Lease | undefined> {
    const holder = this.#leases.get(lease.user);
    if (!holder) this.#leases.set(lease.user, { ...lease, wanted: false });
    return Promise.resolve(holder && { user: holder.user, node: holder.node, session: holder.session });
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

  held(node: string): Promise<{ user: number; session: string; wanted: boolean }[]> {
    return Promise.resolve(
      [...this.#leases.values()].filter((lease) => lease.node === node)
        .map(({ user, session, wanted }) => ({ user, session, wanted })),
    );
  }

  online(users: readonly number[]): Promise<Set<number>> {
    return Promise.resolve(new Set(users.filter((user) => this.#leases.has(user))));
  }

  bury(): Promise<number[]> {
    return Promise.resolve([]);
  }

  leave(node: string): Promise<void> {
    for (const lease of this.#leases.values()) if (lease.node === node) this.#leases.delete(lease.user);
    return Promise.resolve();
  }
}
