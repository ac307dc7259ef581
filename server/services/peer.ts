import type { Push } from "../protocol/encode.ts";
import type { Generation } from "../protocol/message_frame.ts";
import type { EndReason, Reply } from "../protocol/messages.ts";

/** Why a connection ends, and after how long its client may come back, in ms. */
export interface Goodbye {
  readonly reason: EndReason;
  readonly reconnectMs: number;
}

/** What the services see of a connection. Nothing here waits for the network except {@linkcode Peer.drained}. */
export interface Peer {
  /** What the client understands; settled when it logs in. */
  generation: Generation;
  /** False while more waits to be written than the connection's bound: the time to stop pushing. */
  readonly writable: boolean;
  /** Queues a reply; one that this generation does not know is dropped. `written` is called once it left. */
  reply(reply: Reply, written?: () => void): void;
  /** Queues a log entry that this generation knows. `written` is called once it has been handed to the network. */
  push(push: Push, written?: () => void): void;
  /** Resolves when the connection is writable again, to true, or closed, to false. */
  drained(): Promise<boolean>;
  /** Says goodbye to those who understand it, writes what is queued, and closes; resolves then, within bounds. */
  end(goodbye: Goodbye): Promise<void>;
}
