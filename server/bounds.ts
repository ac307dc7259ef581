/**
 * Every bound on what this server holds in memory for others, in one place. A queue without a number here is a defect
 * (I7). Sizes are in bytes unless the name says otherwise; `--max-queue` and `--max-frame` are the operator's.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** Requests of one connection that are not answered yet: beyond either number the connection is not read. */
export const IN_FLIGHT = { bytes: MIB, requests: 256 } as const;

/**
 * Bytes beyond `--max-queue` that end a connection. Whoever pushes asks first whether the connection is writable; this
 * is for code that forgets to. A login answer is the largest single thing that is written without asking.
 */
export const OUTBOX_LAST_DEFENCE = 32 * MIB;

/** Receipts and states that wait for one client that does not read, half a KiB each at most; the oldest are dropped. */
export const NEWS = { pieces: 500 } as const;

/** Texts of the entries of all conversations that wait on this node for the entries before them. */
export const HELD_ENTRIES = 32 * MIB;

/** Wake-ups that wait for Redis to take them. More are not sent: the other nodes are asked to look into the log. */
export const REDIS_COMMANDS = 8 * MIB;
