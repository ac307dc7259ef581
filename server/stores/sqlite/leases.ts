import type { HeldLease, Lease, LeaseStore, NodeBeat, Pulse, UserDevice, Want } from "../store.ts";

/** Leases of a store that has one node: that node's memory. Whoever asks is alive, and nobody else is there. */
export class MemoryLeases implements LeaseStore {
  readonly shared: boolean = false;
  readonly #readLog: () => Promise<string>;
  /** By user, then by device. */
  readonly #leases = new Map<number, Map<string, Lease & { wanted: Want | undefined }>>();
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
    let ofUser = this.#leases.get(lease.user);
    if (!ofUser) this.#leases.set(lease.user, ofUser = new Map());
    const holder = ofUser.get(lease.device);
    if (!holder) ofUser.set(lease.device, { ...lease, wanted: undefined });
    if (!holder || holder.session === lease.session) return Promise.resolve(undefined);
    return Promise.resolve(leaseOf(holder));
  }

  want({ user, device }: UserDevice, why: Want): Promise<void> {
    const lease = this.#leases.get(user)?.get(device);
    if (lease) lease.wanted = why;
    return Promise.resolve();
  }

  release({ user, device, session }: Omit<Lease, "node">): Promise<void> {
    if (this.#leases.get(user)?.get(device)?.session === session) this.#end({ user, device });
    return Promise.resolve();
  }

  of(user: number): Promise<Lease[]> {
    return Promise.resolve([...this.#leases.get(user)?.values() ?? []].map(leaseOf));
  }

  held(node: string): Promise<HeldLease[]> {
    return Promise.resolve(
      this.#all().filter((lease) => lease.node === node).map(({ user, device, session, wanted }) => {
        const others = [...this.#leases.get(user)!.values()];
        return { user, device, session, wanted, elsewhere: others.some((other) => other.node !== node) };
      }),
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
    const lost = this.#all().filter(({ node }) => !this.#nodes.has(node));
    for (const lease of lost) this.#end(lease);
    return Promise.resolve({ freed: [...new Set(lost.map(({ user }) => user))], left: 0 });
  }

  leave(node: string): Promise<void> {
    for (const lease of this.#all()) if (lease.node === node) this.#end(lease);
    this.#nodes.delete(node);
    return Promise.resolve();
  }

  #all() {
    return [...this.#leases.values()].flatMap((ofUser) => [...ofUser.values()]);
  }

  #end({ user, device }: UserDevice): void {
    const ofUser = this.#leases.get(user);
    ofUser?.delete(device);
    if (ofUser?.size === 0) this.#leases.delete(user);
  }
}

const leaseOf = ({ user, device, node, session }: Lease): Lease => ({ user, device, node, session });
