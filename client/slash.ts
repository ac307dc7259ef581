import { LIMITS } from "../server/protocol/schemas.ts";
import { type Person, person, place, type Room, room, toId, words } from "./words.ts";

/** An entry of a conversation: its number, or the last one that fits. */
export type Which = number | "last";
/** Where something is said: to somebody, or in a group. */
export type Where = Person | Room;

/** What changes an entry that is there. */
export type Amendment =
  | { readonly kind: "edit"; readonly msg: string }
  | { readonly kind: "recall" }
  | { readonly kind: "react"; readonly emoji: string; readonly on: boolean }
  | { readonly kind: "reply"; readonly msg: string };

/** What a line that begins with a slash asks for. */
export type SlashAction =
  | { readonly do: "amend"; readonly where: Where; readonly which: Which; readonly change: Amendment }
  | { readonly do: "unfriend"; readonly who: Person }
  | { readonly do: "members"; readonly room: Room }
  | { readonly do: "search"; readonly text: string; readonly where: Where | undefined }
  | { readonly do: "history"; readonly with: Where; readonly count: number | undefined }
  | { readonly do: "devices" | "requests" }
  | { readonly do: "end device"; readonly device: string };

interface Command {
  readonly usage: string;
  readonly help: string;
  /** What follows the command's name; undefined means wrong usage. */
  readonly parse: (rest: string) => SlashAction | undefined;
}

/**
 * Every command that begins with a slash: what `help` prints and what {@linkcode parseSlash} understands are the same
 * table. WHO is a name, or #2 for an id; GROUP is g5, or the name of one of one's own; WHERE is WHO or, for a group, g5
 * or g:name; N is the number of a message in its conversation, or `last`.
 */
export const SLASH_COMMANDS: Readonly<Record<string, Command>> = {
  reply: {
    usage: "/reply WHERE N TEXT",
    help: "answer a certain message",
    parse: (rest) => amend(rest, (msg) => msg === "" ? undefined : { kind: "reply", msg }),
  },
  edit: {
    usage: "/edit WHERE N TEXT",
    help: "give a message of yours another text",
    parse: (rest) => amend(rest, (msg) => msg === "" ? undefined : { kind: "edit", msg }),
  },
  recall: {
    usage: "/recall WHERE N",
    help: "take a message back: its text is erased",
    parse: (rest) => amend(rest, (more) => more === "" ? { kind: "recall" } : undefined),
  },
  react: {
    usage: "/react WHERE N EMOJI [off]",
    help: "react to a message, or take a reaction back",
    parse: (rest) =>
      amend(rest, (more) => {
        const [emoji, off, ...others] = more.split(/\s+/);
        if (!emoji || others.length > 0 || (off !== undefined && off !== "off")) return undefined;
        return { kind: "react", emoji, on: off === undefined };
      }),
  },
  history: {
    usage: "/history WHERE [COUNT]",
    help: `show the last messages (20, at most ${LIMITS.history})`,
    parse(rest) {
      const split = words(rest, 1);
      const where = split && place(split.found[0]!);
      if (!where) return undefined;
      if (split.rest === "") return { do: "history", with: where, count: undefined };
      const count = toId(split.rest);
      return count === undefined || count > LIMITS.history
        ? undefined
        : { do: "history", with: where, count };
    },
  },
  search: {
    usage: "/search [in:WHERE] TEXT",
    help: 'find messages; a name with spaces is quoted: in:"Ann Lee"',
    parse: search,
  },
  requests: {
    usage: "/requests",
    help: "friend requests that wait for your answer",
    parse: bare({ do: "requests" }),
  },
  unfriend: {
    usage: "/unfriend WHO",
    help: "end a friendship",
    parse: (rest) => one(rest, (who) => ({ do: "unfriend", who })),
  },
  members: {
    usage: "/members GROUP",
    help: "who is in a group",
    parse: (rest) => group(rest, (room) => ({ do: "members", room })),
  },
  devices: {
    usage: "/devices [end DEVICE]",
    help: "where you are logged in; end logs one of them out",
    parse(rest) {
      if (rest.trim() === "") return { do: "devices" };
      const split = words(rest, 2);
      if (!split || split.rest !== "" || split.found[0]!.text !== "end") return undefined;
      return { do: "end device", device: split.found[1]!.text };
    },
  },
};

/** What a line that begins with a slash asks for, or the sentence to print instead. */
export function parseSlash(line: string): SlashAction | { readonly say: string } {
  const [, name = "", rest = ""] = /^\s*\/(\S*)(.*)$/s.exec(line) ?? [];
  const command = Object.hasOwn(SLASH_COMMANDS, name) ? SLASH_COMMANDS[name] : undefined;
  if (command === undefined) return { say: `unknown command /${name}: type help for the list` };
  return command.parse(rest) ?? { say: `usage: ${command.usage}` };
}

function bare(action: SlashAction): Command["parse"] {
  return (rest) => rest.trim() === "" ? action : undefined;
}

function one(rest: string, make: (who: Person) => SlashAction): SlashAction | undefined {
  const split = words(rest, 1);
  const who = split?.rest === "" ? person(split.found[0]!) : undefined;
  return who && make(who);
}

function group(rest: string, make: (room: Room) => SlashAction): SlashAction | undefined {
  const split = words(rest, 1);
  const what = split?.rest === "" ? room(split.found[0]!) : undefined;
  return what && make(what);
}

function amend(rest: string, read: (more: string) => Amendment | undefined): SlashAction | undefined {
  const split = words(rest, 2);
  if (!split) return undefined;
  const where = place(split.found[0]!);
  const number = split.found[1]!.text;
  const which = number === "last" ? "last" : toId(number.replace(/^#/, ""));
  const change = read(split.rest);
  if (!where || which === undefined || !change) return undefined;
  return { do: "amend", where, which, change };
}

function search(rest: string): SlashAction | undefined {
  const text = rest.trim();
  if (text === "") return undefined;
  if (!text.startsWith("in:")) return { do: "search", text, where: undefined };
  const split = words(text.slice("in:".length), 1);
  const where = split && place(split.found[0]!);
  return where && split.rest !== "" ? { do: "search", text: split.rest, where } : undefined;
}
