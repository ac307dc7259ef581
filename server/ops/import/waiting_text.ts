/** What the text of a waiting message says. */
export interface WaitingText {
  readonly kind: "chat" | "request" | "answer";
  readonly sender: number;
  /** For a message to a group. */
  readonly group: number | undefined;
  /** The words; undefined if there are none. */
  readonly text: string | undefined;
  /** The words if backslashes are no escapes, where that makes a difference. See {@linkcode readWaiting}. */
  readonly literal: string | undefined;
  /** Of an answer, if it says so. */
  readonly flag: boolean | undefined;
  /** As it stands there. */
  readonly time: string | undefined;
  /** `repaired`: it had lost backslashes. `cut`: its end is missing. */
  readonly damage: "none" | "repaired" | "cut";
}

const KIND_OF: Readonly<Record<number, WaitingText["kind"]>> = {
  6: "chat",
  7: "request",
  8: "answer",
  11: "chat",
};

/** The older servers write keys in alphabetical order and without spaces, so these come before the words. */
const HEAD = /^\{((?:"(?:flag|from|friendid|groupid|id)":(?:0|[1-9]\d{0,15}|true|false),)*)"msg":"/;
const AFTER_TEXT = '","msgid":';
const TAIL = /^(\d{1,9})[,}]/;
const TIME = '"time":"';
const TIME_LENGTH = "2026-11-22 12:07:21".length;
/** An escape that the end of the text has cut off. */
const HALF_ESCAPE = /\\(?:u[0-9a-fA-F]{0,3})?$/;
/**
 * Escapes of other than ASCII characters that have lost their backslash: two of them or more, or one that has a letter
 * among its digits and is not the rest of a word.
 */
const BARE_ESCAPES = /(?:u[0-9a-f]{4}){2,}|(?<![A-Za-z0-9])u(?=[0-9]{0,3}[a-f])[0-9a-f]{4}(?![0-9a-f])/g;
// deno-lint-ignore no-control-regex -- ASCII is exactly what this is about
const ASCII = /^[\x00-\x7f]*$/;

/**
 * Reads the JSON text of a waiting message. The older servers put it into SQL as it is, and the database took each
 * backslash for one of its own: `\"` was stored as `"`, `\n` as a line end, `\u4f60` as `u4f60`, `\\` as `\`. In such a
 * text the words are everything between the keys around them, as they stand there. Where a text is valid JSON and has
 * backslashes all the same, both readings are given: only the other texts of the same database can tell.
 *
 * The sender is the one that stands before the words: what the words contain cannot name another one.
 * @returns undefined if it cannot be read.
 */
export function readWaiting(json: string): WaitingText | undefined {
  return readKnownShape(json) ?? readObject(json);
}

function readKnownShape(json: string): WaitingText | undefined {
  const head = HEAD.exec(json);
  if (head === null) return undefined;
  const before = JSON.parse(`{${head[1]!.replace(/,$/, "")}}`) as Record<string, unknown>;
  const begin = head[0].length;
  const end = json.lastIndexOf(AFTER_TEXT);
  const tail = end >= begin
    ? TAIL.exec(json.slice(end + AFTER_TEXT.length, end + AFTER_TEXT.length + 10))
    : null;
  if (tail === null && parsed(json) !== undefined) return undefined;
  const whole = tail !== null && json.endsWith("}");
  // Of what has lost its msgid, only messages to people and groups are ever so long.
  const guessed = before.from === undefined ? 6 : undefined;
  const raw = tail === null ? withoutHalf(json.slice(begin)) : json.slice(begin, end);
  const { text, literal, isRepaired } = readWords(raw);
  return checked(tail === null ? guessed : Number(tail[1]), {
    ...before,
    text,
    literal,
    time: tail === null ? undefined : timeIn(json.slice(end)),
    damage: !whole ? "cut" : isRepaired ? "repaired" : "none",
  });
}

/** Any other JSON object that has the right fields. */
function readObject(json: string): WaitingText | undefined {
  const object = parsed(json);
  if (typeof object !== "object" || object === null) return undefined;
  const fields = object as Record<string, unknown>;
  return checked(fields.msgid, {
    ...fields,
    text: typeof fields.msg === "string" ? withoutBareEscapes(fields.msg) : undefined,
    literal: undefined,
    damage: "none",
  });
}

function checked(
  msgid: unknown,
  fields: Record<string, unknown> & Pick<WaitingText, "text" | "literal" | "damage">,
): WaitingText | undefined {
  const kind = typeof msgid === "number" && Object.hasOwn(KIND_OF, msgid) ? KIND_OF[msgid] : undefined;
  // Answers and requests come as they were forwarded (from, toid), or as the client sent them (id, friendid).
  const sender = kind === "chat" ? fields.id : fields.from ?? fields.id;
  const group = kind === "chat" ? fields.groupid : undefined;
  if (kind === undefined || !isId(sender)) return undefined;
  if (kind === "chat" && fields.text === undefined) return undefined;
  if (msgid === 11 ? !isId(group) : group !== undefined && !isId(group)) return undefined;
  return {
    kind,
    sender,
    group: isId(group) ? group : undefined,
    text: fields.text,
    literal: fields.literal,
    flag: typeof fields.flag === "boolean" ? fields.flag : undefined,
    time: typeof fields.time === "string" ? fields.time : undefined,
    damage: fields.damage,
  };
}

function readWords(raw: string): { text: string; literal: string | undefined; isRepaired: boolean } {
  const decoded = stringLiteral(raw);
  if (decoded === undefined) {
    return { text: withoutBareEscapes(raw), literal: undefined, isRepaired: true };
  }
  const text = withoutBareEscapes(decoded);
  return { text, literal: raw.includes("\\") ? raw : undefined, isRepaired: text !== decoded };
}

/** What stands between the quotes of a JSON string; undefined if it cannot stand there. */
function stringLiteral(raw: string): string | undefined {
  const value = parsed(`"${raw}"`);
  return typeof value === "string" ? value : undefined;
}

/** What a JSON text says; undefined if it is none. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

/** A program that escapes all characters but ASCII leaves no others in the text. */
function withoutBareEscapes(text: string): string {
  if (!ASCII.test(text)) return text;
  return text.replace(BARE_ESCAPES, (found) => {
    const units = found.match(/u[0-9a-f]{4}/g)!.map((escape) => parseInt(escape.slice(1), 16));
    const meant = String.fromCharCode(...units);
    return units.every((unit) => unit > 0x7f) && meant.isWellFormed() ? meant : found;
  });
}

/** Without the piece of an escape, or of what follows the words, at which the text was cut off. */
function withoutHalf(raw: string): string {
  for (let length = AFTER_TEXT.length - 1; length > 0; length--) {
    if (raw.endsWith(AFTER_TEXT.slice(0, length))) return raw.slice(0, -length);
  }
  return raw.replace(HALF_ESCAPE, "");
}

function timeIn(tail: string): string | undefined {
  const at = tail.lastIndexOf(TIME);
  return at < 0 ? undefined : tail.slice(at + TIME.length, at + TIME.length + TIME_LENGTH);
}

const isId = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) > 0;
