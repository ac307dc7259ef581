import { Errno } from "../server/errors.ts";
import { groupConv, pairConv } from "../server/protocol/conversation.ts";
import { Msg } from "../server/protocol/msgid.ts";
import type { Account } from "./account.ts";
import type { Clock } from "./clock.ts";
import { type Action, helpLines, parseLine } from "./commands.ts";
import { errorLine, historyLine } from "./format.ts";
import { type FrameOf, readPush, type ServerFrame } from "./frames.ts";
import type { Host } from "./host.ts";
import type { Request } from "./requests.ts";
import { sanitize } from "./sanitize.ts";

const DEFAULT_HISTORY = 20;

/** What the person sees while logged in: carries out commands. */
export class Desk {
  readonly #host: Host;
  readonly #clock: Clock;

  constructor(host: Host, clock: Clock) {
    this.#host = host;
    this.#clock = clock;
  }

  /** Asks for a command; a pipe needs no asking. */
  prompt(): void {
    this.#host.output.prompt(this.#host.interactive ? ">" : "");
  }

  /** Carries out one line that was typed by whom this account belongs to. */
  line(text: string, account: Account): void {
    const parsed = parseLine(text);
    if (parsed === undefined) return;
    if ("say" in parsed) this.#refused(sanitize(parsed.say));
    else this.#run(parsed, account);
  }

  #run(action: Action, account: Account): void {
    switch (action.do) {
      case "help":
        return this.#say(...helpLines());
      case "friends":
        return this.#say(...account.roster.friendLines());
      case "groups":
        return this.#say(...account.roster.groupLines());
      case "quit":
        return this.#host.leave("exit", { deaf: true });
      case "loginout":
        return this.#host.leave("menu");
      case "chat":
        return account.send({ msgid: Msg.CHAT, toid: action.friend, msg: action.text }, {
          target: `u${action.friend}`,
          whom: `to ${action.friend}`,
          what: sanitize(action.text),
        });
      case "groupchat":
        return account.send({ msgid: Msg.GROUP_CHAT, groupid: action.group, msg: action.text }, {
          target: `g${action.group}`,
          whom: `to group ${action.group}`,
          what: sanitize(action.text),
        });
      case "addfriend":
        return account.send({ msgid: Msg.FRIEND_REQUEST, friendid: action.friend }, {
          target: `u${action.friend}`,
          whom: `friend request to ${action.friend}`,
          what: undefined,
        });
      case "ackaddfriend":
        return this.#answerRequest(action, account);
      case "creategroup":
        return this.#createGroup(action, account);
      case "addgroup":
        return this.#joinGroup(action.group, account);
      case "history":
        return this.#history(action, account);
    }
  }

  #answerRequest({ friend, flag }: { friend: number; flag: boolean }, account: Account): void {
    account.send({ msgid: Msg.FRIEND_RESPONSE, friendid: friend, flag, details: true }, {
      target: `u${friend}`,
      whom: `${flag ? "acceptance" : "refusal"} to ${friend}`,
      what: undefined,
      stored: flag ? () => account.roster.befriend({ id: friend }) : undefined,
    });
  }

  #createGroup({ name, description }: { name: string; description: string }, account: Account): void {
    this.#ask("creategroup", {
      frame: { msgid: Msg.CREATE_GROUP, id: account.id, groupname: name, groupdesc: description },
      repeatable: false,
      done: (answer) => {
        if (answer.msgid !== Msg.CREATE_GROUP_ACK || answer.groupid === undefined) return;
        const me = { id: account.id, name: account.name, state: "online", role: "creator" };
        account.roster.joined({
          id: answer.groupid,
          groupname: name,
          groupdesc: description,
          members: [me],
        });
        this.#say(`group ${sanitize(answer.groupname ?? name)} created: its id is ${answer.groupid}`);
      },
    });
  }

  #joinGroup(group: number, account: Account): void {
    this.#ask("addgroup", {
      frame: { msgid: Msg.JOIN_GROUP, id: account.id, groupid: group, details: true },
      repeatable: true,
      done: (answer) => {
        if (answer.msgid !== Msg.JOIN_GROUP_ACK) return;
        const { groupname = "", groupdesc = "", members } = answer;
        account.roster.joined({ id: group, groupname, groupdesc, members });
        this.#say(`joined group ${group}${groupname === "" ? "" : ` ${sanitize(groupname)}`}`);
      },
    });
  }

  #history(action: Extract<Action, { do: "history" }>, account: Account): void {
    const conv = "group" in action.with
      ? groupConv(action.with.group)
      : pairConv(account.id, action.with.friend);
    this.#ask("history", {
      frame: { msgid: Msg.HISTORY, conv, limit: action.count ?? DEFAULT_HISTORY },
      repeatable: true,
      done: (answer) => {
        if (answer.msgid === Msg.HISTORY_ACK) this.#showHistory(answer);
      },
    });
  }

  #showHistory({ conv, messages, more }: FrameOf<typeof Msg.HISTORY_ACK>): void {
    const pushes = messages.map(readPush).filter((push) => push !== undefined);
    pushes.sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0));
    this.#say(...pushes.flatMap((push) => historyLine(push, this.#clock.now()) ?? []));
    const count = `${pushes.length} message${pushes.length === 1 ? "" : "s"}`;
    const unreadable = messages.length - pushes.length;
    const rest = (unreadable > 0 ? `, ${unreadable} unreadable` : "") +
      (more ? ", there are older ones" : "");
    this.#say(`history ${sanitize(conv)}: ${count}${rest}`);
  }

  /** Asks, and prints refusals and lost answers; `done` sees only what was granted. */
  #ask(
    command: string,
    request: { frame: Request["frame"]; repeatable: boolean; done: (answer: ServerFrame) => void },
  ): void {
    this.#host.requests.ask({
      ...request,
      done: (answer) => {
        if ("lost" in answer) this.#refused(`${command}: ${answer.lost}`);
        else if ("errno" in answer && answer.errno !== Errno.OK) this.#refused(errorLine(answer));
        else request.done(answer);
      },
    });
  }

  #refused(line: string): void {
    this.#host.failed();
    this.#say(line);
  }

  #say(...lines: string[]): void {
    for (const line of lines) this.#host.output.print(line);
  }
}
