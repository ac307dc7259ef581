import type { Msg } from "../server/protocol/msgid.ts";
import type { AppOptions } from "./events.ts";
import type { FrameOf } from "./frames.ts";
import type { Output } from "./output.ts";
import type { Requests } from "./requests.ts";

export type LoginAck = FrameOf<typeof Msg.LOGIN_ACK>;

/** The client around the menu and the commands, as far as these need it. */
export interface Host {
  readonly output: Output;
  /** What LOGIN says of the device that this is; undefined for the nameless one. */
  readonly device: AppOptions["device"];
  /** A person types, rather than a pipe. */
  readonly interactive: boolean;
  readonly requests: Requests;
  /** Begins what this LOGIN_ACK grants. */
  loggedIn(ack: LoginAck & { id: number }): void;
  /** Leaves after what is under way has been answered; if `deaf`, lines that still come are ignored. */
  leave(to: "menu" | "exit", options?: { deaf?: boolean }): void;
  /** Something that was asked for was not done. */
  failed(): void;
  /** Nobody is logged in, though somebody wanted to be: a person gets the menu, a pipe has come to its end. */
  turnedAway(): void;
}
