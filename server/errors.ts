/**
 * The two ways a request can fail. A {@linkcode Refusal} is answered and the connection stays; a
 * {@linkcode Disconnect} is answered and then the connection closes. Anything else that is thrown is a defect:
 * it is logged with its stack and answered by errno 108, so that the sender tries again.
 */

/** Error numbers on the wire; `server/protocol/README.md` lists what each means to a client. */
export const Errno = {
  OK: 0,
  /** LOGIN: no such user or wrong password. REGISTER: the name is taken. */
  DENIED: 1,
  /** LOGIN: this account is already logged in. */
  LOGGED_IN: 2,
  BAD_FRAME: 100,
  UNKNOWN_MSGID: 101,
  LOG_IN_FIRST: 102,
  NO_SUCH_USER: 103,
  NO_SUCH_GROUP: 104,
  NOT_A_MEMBER: 105,
  TOO_FAST: 106,
  TOO_LONG: 107,
  NOT_STORED: 108,
  NOT_ALLOWED: 109,
  STOPPING: 110,
  ALREADY_DONE: 111,
  TOO_MANY: 112,
  FULL: 113,
} as const;
export type Errno = (typeof Errno)[keyof typeof Errno];

/** A request that is answered by an error; the connection stays open. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly errno: Errno;
  /** Milliseconds after which trying again makes sense; only with 106, 108 and 112. */
  readonly retryMs: number | undefined;

  constructor(errno: Errno, message: string, options: { retryMs?: number } = {}) {
    super(message);
    this.errno = errno;
    this.retryMs = options.retryMs;
  }
}

/** A byte stream that cannot be followed any further: one ERROR with this errno, then the connection closes. */
export class Disconnect extends Error {
  override readonly name = "Disconnect";
  readonly errno: Errno;

  constructor(errno: Errno, message: string) {
    super(message);
    this.errno = errno;
  }
}

/** The server cannot start, or has to stop: the message is one sentence for the operator, saying what to do. */
export class StartupError extends Error {
  override readonly name = "StartupError";
}
