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

/** What somebody does to another member of a group. */
export type Change =
  | { readonly kind: "invite" | "kick" | "ban" | "unban" }
  | { readonly kind: "role"; readonly role: "admin" | "normal" | "creator" }
  /** For so many milliseconds from now; 0 ends it. */
  | { readonly kind: "mute"; readonly for: number };

/** What a line that begins with a slash asks for. */
export type SlashAction =
  | { readonly do: "amend"; readonly where: Where; readonly which: Which; readonly change: Amendment }
  | { readonly do: "unfriend"; readonly who: Person }
  | { readonly do: "member"; readonly room: Room; readonly who: Person; readonly change: Change }
  | { readonly do: "leave" | "disband" | "members"; readonly room: Room }
  | {
    readonly do: "rename";
    readonly room: Room;
    readonly name: string;
    readonly description: string | undefined;
  }
  | { readonly do: "block"; readonly who: Person; readonly on: boolean }
  | { readonly do: "find"; readonly who: Person }
  | { readonly do: "search"; readonly text: string; readonly where: Where | undefined }
  | { readonly do: "history"; readonly with: Where; readonly count: number | undefined }
  | { readonly do: "devices" | "requests" | "passwd" | "deleteaccount" }
  | { readonly do: "end device"; readonly device: string };

interface Command {
  readonly usage: string;
  readonly help: string;
  /** What follows the command's name; undefined means wrong usage. */
  readonly parse: (rest: string) => SlashAction | undefined;
}

const MINUTE = 60_000;
const UNITS: Readonly<Record<string, number>> = { m: MINUTE, h: 60 * MINUTE, d: 24 * 60 * MINUTE };
const ROLES = ["admin", "normal", "creator"] as const;

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
  find: {
    usage: "/find WHO",
    help: "who somebody is",
    parse: (rest) => one(rest, (who) => ({ do: "find", who })),
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
  block: {
    usage: "/block WHO",
    help: "let somebody not write to you any more",
    parse: (rest) => one(rest, (who) => ({ do: "block", who, on: true })),
  },
  unblock: {
    usage: "/unblock WHO",
    help: "take that back",
    parse: (rest) => one(rest, (who) => ({ do: "block", who, on: false })),
  },
  members: {
    usage: "/members GROUP",
    help: "who is in a group",
    parse: (rest) => group(rest, (room) => ({ do: "members", room })),
  },
  invite: {
    usage: "/invite GROUP WHO",
    help: "bring somebody into a group of yours",
    parse: (rest) => member(rest, { kind: "invite" }),
  },
  kick: {
    usage: "/kick GROUP WHO",
    help: "remove a member",
    parse: (rest) => member(rest, { kind: "kick" }),
  },
  ban: {
    usage: "/ban GROUP WHO",
    help: "remove somebody for good",
    parse: (rest) => member(rest, { kind: "ban" }),
  },
  unban: {
    usage: "/unban GROUP WHO",
    help: "take that back",
    parse: (rest) => member(rest, { kind: "unban" }),
  },
  mute: {
    usage: "/mute GROUP WHO 10m|2h|1d|off",
    help: "let a member only read for a while",
    parse: (rest) =>
      memberAnd(rest, (time) => {
        if (time === "off") return { kind: "mute", for: 0 };
        const [, count, unit] = /^([1-9]\d{0,4})([mhd])$/.exec(time) ?? [];
        return count === undefined ? undefined : { kind: "mute", for: Number(count) * UNITS[unit!]! };
      }),
  },
  role: {
    usage: "/role GROUP WHO admin|normal|creator",
    help: "what a member may do; creator hands the group over",
    parse: (rest) =>
      memberAnd(rest, (text) => {
        const role = ROLES.find((one) => one === text);
        return role && { kind: "role", role };
      }),
  },
  rename: {
    usage: "/rename GROUP NAME [DESCRIPTION]",
    help: "give a group another name; one with spaces is quoted",
    parse(rest) {
      const split = words(rest, 2);
      const what = split && room(split.found[0]!);
      if (!what) return undefined;
      const description = split.rest === "" ? undefined : split.rest;
      return { do: "rename", room: what, name: split.found[1]!.text, description };
    },
  },
  leave: {
    usage: "/leave GROUP",
    help: "leave a group",
    parse: (rest) => group(rest, (room) => ({ do: "leave", room })),
  },
  disband: {
    usage: "/disband GROUP",
    help: "end a group of yours for everybody",
    parse: (rest) => group(rest, (room) => ({ do: "disband", room })),
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
  passwd: {
    usage: "/passwd",
    help: "change your password; asks for the old one and the new one",
    parse: bare({ do: "passwd" }),
  },
  deleteaccount: {
    usage: "/deleteaccount",
    help: "erase your account and your texts; asks for your password",
    parse: bare({ do: "deleteaccount" }),
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

function member(rest: string, change: Change): SlashAction | undefined {
  return memberAnd(rest, (more) => more === "" ? change : undefined);
}

function memberAnd(rest: string, read: (more: string) => Change | undefined): SlashAction | undefined {
  const split = words(rest, 2);
  if (!split) return undefined;
  const [what, who] = [room(split.found[0]!), person(split.found[1]!)];
  const change = read(split.rest);
  return what && who && change && { do: "member", room: what, who, change };
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
