/** Hands on what came in on a channel. */
export type BusListener = (channel: string, payload: string) => void;

/** What a bus tells whoever uses it. */
export interface BusEvents {
  /** Something was published on a channel that this node is subscribed to, by any node, this one included. */
  readonly message: BusListener;
  /** Messages may have been lost until now; from now on they come again. */
  readonly interrupted: () => void;
  /** Something was not handed to the bus, or perhaps not. */
  readonly unsent: () => void;
}

/**
 * The port to whatever carries wake-ups between nodes. Guarantees, tested by `contract_suite.ts`:
 *
 * - At most once, in no order: anything may be lost. `interrupted` is called when messages to this node may have been,
 *   `unsent` when messages of this node may not have reached the bus.
 * - No call throws or hangs because the bus cannot be reached: then nothing is delivered, and {@linkcode Bus.working}
 *   is false after a second at the latest.
 * - What a node is subscribed to survives interruptions.
 */
export interface Bus {
  /** False for a bus that reaches nobody: nothing need be published on it. */
  readonly carries: boolean;
  /** False while messages are likely to be lost. */
  readonly working: boolean;
  publish(channel: string, payload: string): void;
  /** Resolves when what is published from now on comes in, or when the bus is not working. */
  subscribe(channels: readonly string[]): Promise<void>;
  unsubscribe(channels: readonly string[]): void;
  close(): Promise<void>;
}
