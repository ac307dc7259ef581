/** A throwaway server, or a command of its client program, did not do what it was asked; the message has its output. */
export class DaemonError extends Error {
  override name = "DaemonError";
}

/** The server could not start because its port belongs to somebody else. */
export class PortTakenError extends DaemonError {
  override name = "PortTakenError";
}
