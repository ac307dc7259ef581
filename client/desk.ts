import { Errno } from "../server/errors.ts";
import { Msg } from "../server/protocol/msgid.ts";
import type { Account } from "./account.ts";
import { Ask } from "./ask.ts";
import { Chores } from "./chores.ts";
import type { Clock } from "./clock.ts";
import { type Action, helpLines, parseLine } from "./commands.ts";
import type { Host } from "./host.ts";
import { Lookup } from "./lookup.ts";
import { sanitize } from "./sanitize.ts";

/** What the person sees while logged in: carries out commands. */
export class Desk {
  readonly #host: Host;
  readonly #ask: Ask;
  readonly #lookup: Lookup;
  readonly #chores: Chores;

  constructor(host: Host, clock: Clock) {
    this.#host = host;
    this.#ask = new Ask(host);
    this.#lookup = new Lookup(this.#ask);
    this.#chores = new Chores({ clock, ask: this.#ask, lookup: this.#lookup });
  }

  /** Asks for a command; a pipe needs no asking. */
  prompt(): void {
    this.#host.output.prompt(this.#host.interactive ? ">" : "");
  }

  /** Carries out one line that was typed by whom this account belongs to. */
  line(text: string, account: Account): void {
    const parsed = parseLine(text);
    if (parsed === undefined) return;
    if ("say" in parsed) this.#ask.refused(sanitize(parsed.say));
    else this.#run(parsed, account);
  }

  #run(action: Action, account: Account): void {
    switch (action.do) {
      case "help":
        return this.#ask.say(...helpLines());
      case "friends":
        return this.#ask.say(...account.roster.friendLines());
      case "groups":
        return this.#ask.say(...account.roster.groupLines());
      case "quit":
        return this.#host.leave("exit", { deaf: true });
      case "loginout":
        return this.#host.leave("menu");
      case "chat":
        return this.#lookup.person(action.friend, account, (id) => {
          account.send({ msgid: Msg.CHAT, toid: id, msg: action.text }, {
            target: `u${id}`,
            whom: `to ${id}`,
            what: sanitize(action.text),
          });
        });
      case "groupchat":
        return this.#lookup.room(action.group, account, (group) => {
          account.send({ msgid: Msg.GROUP_CHAT, groupid: group, msg: action.text }, {
            target: `g${group}`,
            whom: `to group ${group}`,
            what: sanitize(action.text),
          });
        });
      case "addfriend":
        return this.#lookup.person(action.friend, account, (id) => {
          account.send({ msgid: Msg.FRIEND_REQUEST, friendid: id }, {
            target: `u${id}`,
            whom: `friend request to ${id}`,
            what: undefined,
          });
        });
      case "ackaddfriend":
        return this.#lookup.person(action.friend, account, (friend) => {
          this.#answerRequest({ friend, flag: action.flag }, account);
        });
      case "creategroup":
        return this.#createGroup(action, account);
      case "addgroup":
        return this.#joinGroup(action.group, account);
      default:
        return this.#chores.run(action, account);
    }
  }

  #answerRequest({ friend, flag }: { friend: number; flag: boolean }, account: Account): void {
    account.send({ msgid: Msg.FRIEND_RESPONSE, friendid: friend, flag, details: true }, {
      target: `u${friend}`,
      whom: `${flag ? "acceptance" : "refusal"} to ${friend}`,
      what: undefined,
      stored: () => {
        account.roster.answered(friend);
        if (flag) account.roster.befriend({ id: friend });
      },
    });
  }

  #createGroup({ name, description }: { name: string; description: string }, account: Account): void {
    this.#ask.ask("creategroup", {
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
        this.#ask.say(`group ${sanitize(answer.groupname ?? name)} created: its id is ${answer.groupid}`);
      },
    });
  }

  #joinGroup(group: number, account: Account): void {
    this.#ask.ask("addgroup", {
      frame: { msgid: Msg.JOIN_GROUP, id: account.id, groupid: group, details: true },
      repeatable: true,
      done: (answer) => {
        if (answer.msgid !== Msg.JOIN_GROUP_ACK || answer.errno !== Errno.OK) return;
        const { groupname = "", groupdesc = "", members } = answer;
        account.roster.joined({ id: group, groupname, groupdesc, members });
        this.#ask.say(`joined group ${group}${groupname === "" ? "" : ` ${sanitize(groupname)}`}`);
      },
    });
  }
}
