import type { Clock } from "./clock.ts";
import type { Server } from "./link.ts";

/** Everything that can happen to the client. */
export type Event =
  | { readonly type: "line"; readonly text: string; readonly taken: () => void }
  | { readonly type: "eof" }
  | { readonly type: "interrupt" }
  | { readonly type: "up" }
  | { readonly type: "down"; readonly cause: string }
  | { readonly type: "frame"; readonly text: string }
  | { readonly type: "timer"; readonly run: () => void };

export interface AppOptions {
  /** Where to look for the server, in this order. */
  readonly servers: readonly Server[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly newMid: () => string;
  /** What LOGIN says of the device that this is; undefined for the nameless one. */
  readonly device?: { readonly device: string; readonly client: string };
  /** A person types, rather than a pipe. */
  readonly interactive: boolean;
  /** Called once, at the very end. */
  readonly exit: (code: number) => void;
}
