import type { HeldLease, Lease, NodeBeat, UserDevice, Want } from "../../server/stores/store.ts";

/** The tables about nodes and who is logged in on them. */
export class LeaseTables {
  readonly #nodes = new Map<string, number>();
  /** By user and device. */
  readonly #leases = new Map<string, Lease & { wanted: Want | undefined }>();

  enter({ id, beat }: NodeBeat): void {
    const known = this.#nodes.get(id);
    this.#nodes.set(id, known === undefined ? beat : known + 1);
  }

  /** Counts on; undefined if the node is not known. */
  beat(node: string): number | undefined {
    const beat = this.#nodes.get(node);
    if (beat !== undefined) this.#nodes.set(node, beat + 1);
    return beat;
  }

  /** All nodes. */
  get nodes(): NodeBeat[] {
    return [...this.#nodes].map(([id, beat]) => ({ id, beat }));
  }

  take(lease: Lease): Lease | undefined {
    const holder = this.#leases.get(keyOf(lease));
    if (!holder) this.#leases.set(keyOf(lease), { ...lease, wanted: undefined });
    return !holder || holder.session === lease.session ? undefined : leaseOf(holder);
  }

  want(device: UserDevice, why: Want): void {
    const lease = this.#leases.get(keyOf(device));
    if (lease) lease.wanted = why;
  }

  release(lease: Omit<Lease, "node">): void {
    if (this.#leases.get(keyOf(lease))?.session === lease.session) this.#leases.delete(keyOf(lease));
  }

  of(user: number): Lease[] {
    return [...this.#leases.values()].filter((lease) => lease.user === user).map(leaseOf);
  }

  held(node: string): HeldLease[] {
    return [...this.#leases.values()].filter((lease) => lease.node === node)
      .map(({ user, device, session, wanted }) => {
        const elsewhere = this.of(user).some((other) => other.node !== node);
        return { user, device, session, wanted, elsewhere };
      });
  }

  online(users: readonly number[]): Set<number> {
    const online = new Set([...this.#leases.values()].map(({ user }) => user));
    return new Set(users.filter((user) => online.has(user)));
  }

  bury({ id, beat }: NodeBeat): void {
    if (this.#nodes.get(id) === beat) this.#nodes.delete(id);
  }

  sweep(): { freed: number[]; left: number } {
    const lost = [...this.#leases.values()].filter(({ node }) => !this.#nodes.has(node));
    for (const lease of lost) this.#leases.delete(keyOf(lease));
    return { freed: [...new Set(lost.map(({ user }) => user))], left: 0 };
  }

  leave(node: string): void {
    for (const lease of [...this.#leases.values()]) {
      if (lease.node === node) this.#leases.delete(keyOf(lease));
    }
    this.#nodes.delete(node);
  }
}

const keyOf = ({ user, device }: UserDevice) => `${user} ${device}`;
const leaseOf = ({ user, device, node, session }: Lease): Lease => ({ user, device, node, session });
