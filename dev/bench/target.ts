/** Something that is measured. */
export interface Target {
  readonly name: string;
  /** Where senders connect, and where receivers do: the same, or two nodes. */
  readonly ports: readonly [number, number];
  /** Whether it acknowledges messages; the bare relay does not. */
  readonly acknowledged: boolean;
  /** Its processes. */
  readonly pids: { readonly server: readonly number[]; readonly mariadb?: number; readonly redis?: number };
}
