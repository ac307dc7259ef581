import { LIMITS } from "../server/protocol/schemas.ts";
import { parseSlash, SLASH_COMMANDS, type SlashAction } from "./slash.ts";
import { type Person, type Room, room, toId } from "./words.ts";

/** What a typed line asks for. */
export type Action =
  | SlashAction
  | { readonly do: "help" | "loginout" | "friends" | "groups" | "quit" }
  | { readonly do: "chat"; readonly friend: Person; readonly text: string }
  | { readonly do: "addfriend"; readonly friend: Person }
  | { readonly do: "ackaddfriend"; readonly friend: Person; readonly flag: boolean }
  | { readonly do: "creategroup"; readonly name: string; readonly description: string }
  | { readonly do: "addgroup"; readonly group: number }
  | { readonly do: "groupchat"; readonly group: Room; readonly text: string };

interface Command {
  readonly usage: string;
  readonly help: string;
  /** What follows the command's name and its colon, if anything; undefined means wrong usage. */
  readonly parse: (rest: string | undefined) => Action | undefined;
}

/**
 * Every command of old: a number is an id there, and `"2"` or anything else a name. What `help` prints and what {@linkcode parseLine} understands are the same table. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  help: { usage: "help", help: "show this list", parse: bare({ do: "help" }) },
  chat: {
    usage: "chat:friendid:message",
    help: "send a message to a friend; it may contain colons",
    parse: (rest) => withText(rest, somebody, (friend, text) => ({ do: "chat", friend, text })),
  },
  addfriend: {
    usage: "addfriend:friendid",
    help: "ask somebody to become your friend",
    parse: (rest) => withPerson(rest, (friend) => ({ do: "addfriend", friend })),
  },
  ackaddfriend: {
    usage: "ackaddfriend:friendid:true|false",
    help: "accept or refuse a friend request",
    parse(rest) {
      const [id, flag] = split(rest);
      if (flag !== "true" && flag !== "false") return undefined;
      return withPerson(id, (friend) => ({ do: "ackaddfriend", friend, flag: flag === "true" }));
    },
  },
  creategroup: {
    usage: "creategroup:groupname:groupdesc",
    help: "create a group; you are its first member",
    parse(rest) {
      const [name, description] = split(rest);
      if (name === undefined || name.trim() === "" || description === undefined) return undefined;
      return { do: "creategroup", name: name.trim(), description: description.trim() };
    },
  },
  addgroup: {
    usage: "addgroup:groupid",
    help: "join a group",
    parse(rest) {
      const group = toId(rest?.trim() ?? "");
      return group === undefined ? undefined : { do: "addgroup", group };
    },
  },
  groupchat: {
    usage: "groupchat:groupid:message",
    help: "send a message to a group",
    parse: (rest) => withText(rest, someGroup, (group, text) => ({ do: "groupchat", group, text })),
  },
  history: {
    usage: "history:friendid|g<groupid>[:count]",
    help: `show the last messages with a friend or in a group (20, at most ${LIMITS.history})`,
    parse(rest) {
      const [whom, number] = split(rest);
      const count = number === undefined ? undefined : toId(number.trim());
      if (number !== undefined && (count === undefined || count > LIMITS.history)) return undefined;
      const group = /^\s*g[1-9]\d*\s*$/.test(whom ?? "") ? someGroup(whom) : undefined;
      if (group) return { do: "history", with: group, count };
      return withPerson(whom, (who) => ({ do: "history", with: who, count }));
    },
  },
  friends: { usage: "friends", help: "list your friends", parse: bare({ do: "friends" }) },
  groups: {
    usage: "groups",
    help: "list your groups, and the members that are known here",
    parse: bare({ do: "groups" }),
  },
  loginout: { usage: "loginout", help: "log out, back to the menu", parse: bare({ do: "loginout" }) },
  quit: { usage: "quit", help: "log out and leave", parse: bare({ do: "quit" }) },
};

/** What a typed line asks for, or the sentence to print instead; undefined for an empty line. */
export function parseLine(line: string): Action | { readonly say: string } | undefined {
  if (line.trim() === "") return undefined;
  if (line.trimStart().startsWith("/")) return parseSlash(line);
  const [head, rest] = split(line.trimStart());
  const name = (head ?? "").trim();
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) return { say: `unknown command ${name}: type help for the list` };
  return command.parse(rest) ?? { say: `usage: ${command.usage}` };
}

/** Whether the line sends a message, so that the next one need not wait for its acknowledgement. */
export function isMessage(line: string): boolean {
  return /^\s*(chat|groupchat|addfriend|ackaddfriend)\s*:/.test(line);
}

const LEGEND = [
  "WHO: a name, or #2 for the user with id 2. GROUP: g5, or the name of a group of yours. WHERE: WHO, or g5 or g:name.",
  "N: the number after # in `sent to 2 #5`, or `last`. In commands with colons 2 is an id; a name works there, too.",
];

/** The lines of `help`. */
export function helpLines(): string[] {
  const commands = [...Object.values(COMMANDS), ...Object.values(SLASH_COMMANDS)];
  const width = Math.max(...commands.map((command) => command.usage.length));
  return [...commands.map((command) => `${command.usage.padEnd(width)}  ${command.help}`), ...LEGEND];
}

function bare(action: Action): Command["parse"] {
  return (rest) => rest === undefined || rest.trim() === "" ? action : undefined;
}

/** Splits at the first colon only: what follows may contain more of them. */
function split(text: string | undefined): [string | undefined, string | undefined] {
  if (text === undefined) return [undefined, undefined];
  const colon = text.indexOf(":");
  return colon < 0 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)];
}

/** `2` and `#2` are ids, everything else is a name; `"2"` too. */
function somebody(text: string | undefined): Person | undefined {
  const trimmed = text?.trim() ?? "";
  const [, id] = /^#?(\d+)$/.exec(trimmed) ?? [];
  if (id !== undefined) {
    const known = toId(id);
    return known === undefined ? undefined : { id: known };
  }
  const name = /^"(.+)"$/.exec(trimmed)?.[1] ?? trimmed;
  return name === "" ? undefined : { name };
}

function someGroup(text: string | undefined): Room | undefined {
  const trimmed = text?.trim() ?? "";
  const quoted = /^"(.+)"$/.exec(trimmed)?.[1];
  return room({ text: quoted ?? trimmed, quoted: quoted !== undefined });
}

function withPerson(text: string | undefined, make: (who: Person) => Action): Action | undefined {
  const who = somebody(text);
  return who && make(who);
}

function withText<T>(
  rest: string | undefined,
  read: (text: string | undefined) => T | undefined,
  make: (whom: T, text: string) => Action,
): Action | undefined {
  const [whom, text] = split(rest);
  if (text === undefined || text.trim() === "") return undefined;
  const found = read(whom);
  return found && make(found, text);
}
