import type { Msg } from "../server/protocol/msgid.ts";
import type { FrameOf } from "./frames.ts";
import type { Output } from "./output.ts";
import type { Requests } from "./requests.ts";
import type { Session } from "./session.ts";

/** What menu and desk need of the client around them. */
export interface Host {
  readonly output: Output;
  readonly requests: Requests;
  /** A person types, rather than a pipe. */
  readonly interactive: boolean;
  /** Undefined while nobody is logged in. */
  readonly session: Session | undefined;
  /** Begins the session that this LOGIN_ACK grants. */
  loggedIn(ack: FrameOf<typeof Msg.LOGIN_ACK> & { id: number }): void;
  /** Leaves for the menu or for good, after what is under way has been answered. */
  leave(to: "menu" | "exit", options?: { within?: number; patient?: boolean; deaf?: boolean }): void;
  /** Something that was asked for was not done: a pipe ends with status 1. */
  failed(): void;
  /** What a pipe says next would be taken for something else: it ends here. */
  giveUp(): void;
}
