import { z } from "zod";

/**
 * A history: what clients did and saw, as they saw it. No server writes to it. It is a list of events, one JSON object a
 * line. An event stands after those that caused it: a message is invoked before anybody sees it, and what one client
 * does stands in the order in which it did it.
 */

/** `session` names the login that the event belongs to; a client that stays logged in all the time may leave it out. */
const by = {
  /** Milliseconds by one clock for the whole history. */
  t: z.number(),
  /** One program with one memory. A program that has forgotten what it held is another client. */
  client: z.string(),
  user: z.number(),
  session: z.string().optional(),
};
/** The name of the log that the client knows: (conv, seq) means something only together with it. */
const log = z.string();
const conv = z.string();
const seq = z.number();
const mid = z.string();
/** The text, or a digest of it: compared, never read. Left out where it may rightly differ, as after an edit. */
const text = z.string().optional();
const upTo = z.enum(["delivered", "read"]);
const entry = { log, conv, seq, from: z.number(), mid: mid.optional(), text };

export const EventSchema = z.discriminatedUnion("type", [
  /** Sends a message, for the first time or again. */
  z.object({ type: z.literal("invoke"), ...by, log, conv, mid, text }),
  /** Was told that it is committed. */
  z.object({ type: z.literal("ok"), ...by, log, conv, seq, mid }),
  /** Was told that this attempt was refused. */
  z.object({ type: z.literal("refused"), ...by, mid, errno: z.number() }),
  /** Will not be told about this attempt: the connection is gone, or the client waits no longer. */
  z.object({ type: z.literal("unknown"), ...by, mid }),
  /** Shows its user an entry that it was pushed. What has no `mid` is told apart by `from` and `text`. */
  z.object({ type: z.literal("shown"), ...by, ...entry }),
  /** Has read an entry from the history, not necessarily a new one. */
  z.object({ type: z.literal("read"), ...by, ...entry }),
  /** Was told that the text of the entry `ref` is gone: its recall is committed. */
  z.object({ type: z.literal("recalled"), ...by, log, conv, ref: seq }),
  /** Tells the server how far its user has got. */
  z.object({ type: z.literal("receipt"), ...by, log, conv, seq, upTo }),
  /** Was told how far the user `of` has got. */
  z.object({ type: z.literal("receipt seen"), ...by, log, conv, seq, upTo, of: z.number() }),
  /** Was told how the user `of` is. */
  z.object({ type: z.literal("presence"), ...by, of: z.number(), state: z.enum(["online", "offline"]) }),
  /** Asks to be logged in: from now on its user may be online. */
  z.object({ type: z.literal("logging in"), ...by }),
  /** Is logged in. `delivered`: by conversation, how much its user has already, as the server says. */
  z.object({
    type: z.literal("login"),
    ...by,
    log,
    device: z.string().optional(),
    delivered: z.record(z.string(), z.number()).optional(),
  }),
  /** Is not logged in any more, nor asks for it. "silent": it gave up a connection, which the server may not know for a while. */
  z.object({ type: z.literal("left"), ...by, how: z.enum(["logout", "cut", "silent"]) }),
  /**
   * What the client holds at the end of a conversation: all numbers from `from` to `to`, of which there are none if `to`
   * is smaller. `member` false: the user left, and sees nothing after `to`. `all`: the client has read all that its user
   * may see, so that nothing before `from` is theirs.
   */
  z.object({
    type: z.literal("end"),
    ...by,
    log,
    conv,
    from: seq,
    to: seq,
    member: z.boolean().optional(),
    all: z.boolean().optional(),
  }),
  /** For the reader of a history, for instance which fault begins. */
  z.object({ type: z.literal("note"), t: z.number(), text: z.string() }),
]);

export type Event = z.infer<typeof EventSchema>;
/** The events of some types. */
export type Of<Type extends Event["type"]> = Extract<Event, { type: Type }>;
/** An event at which a client learns which message has a number. */
export type Sighting = Of<"ok" | "shown" | "read">;

/** A line that is no event. */
export class HistoryError extends Error {
  override readonly name = "HistoryError";
}

/** Refusals that mean "not stored, try again": too fast, the store cannot be reached, the server is stopping. */
export const isPassing = (errno: number) => errno === 106 || errno === 108 || errno === 110;

/** An event as a line without its end. */
export const lineOf = (event: Event) => JSON.stringify(event);

/** Reads lines; empty ones are skipped. @throws {HistoryError} */
export function* parseLines(lines: Iterable<string>, first = 1): Generator<Event> {
  let number = first;
  for (const line of lines) {
    if (line !== "") yield parseLine(line, number);
    number++;
  }
}

/** Reads a file. @throws {HistoryError} */
export async function* readHistory(path: string): AsyncGenerator<Event> {
  const file = await Deno.open(path);
  let rest = "";
  let number = 1;
  for await (const chunk of file.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    yield* parseLines(lines, number);
    number += lines.length;
  }
  // A history ends in the middle of a line if its writer was killed.
  if (rest !== "") yield parseLine(rest, number);
}

function parseLine(line: string, number: number): Event {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (error) {
    throw new HistoryError(`line ${number} is not JSON: ${line.slice(0, 200)}`, { cause: error });
  }
  const parsed = EventSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join(".") || "type";
  throw new HistoryError(`line ${number}: ${where}: ${issue?.message}: ${line.slice(0, 200)}`);
}
