/** A throwaway server, or a command of its client program, did not do what it was asked; the message has its output. */
export class DaemonError extends Error {
  override name = "DaemonError";
  /** The message without the server's log. */
  readonly sentence: string;
  /** The end of the server's log, where that is part of the message. */
  readonly log: string | undefined;

  constructor(sentence: string, log?: string) {
    super(log === undefined ? sentence : `${sentence}; its log ends:\n${log}`);
    this.sentence = sentence;
    this.log = log;
  }
}

/** The server could not start because its port belongs to somebody else. */
export class PortTakenError extends DaemonError {
  override name = "PortTakenError";
}
