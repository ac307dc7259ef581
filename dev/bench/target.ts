/** Statements that clients sent to a database since it started. */
export interface Statements {
  /** All of them, prepared ones included, whatever they do. */
  readonly all: number;
  readonly inserts: number;
}

/** Something that is measured. */
export interface Target {
  readonly name: string;
  /** Where senders connect, and where receivers do: the same, or two nodes. */
  readonly ports: readonly [number, number];
  /** Whether it acknowledges messages; the bare relay does not. */
  readonly acknowledged: boolean;
  /** How many statements its database has answered so far, where that can be asked. */
  readonly statements?: () => Promise<Statements>;
  /** Its processes. */
  readonly pids: { readonly server: readonly number[]; readonly mariadb?: number; readonly redis?: number };
}
