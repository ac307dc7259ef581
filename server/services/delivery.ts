import { Errno, Refusal } from "../errors.ts";
import { parseConv } from "../protocol/conversation.ts";
import { Push } from "../protocol/encode.ts";
import type { LogMessage } from "../protocol/messages.ts";
import type { LogStore, NewMessage } from "../stores/store.ts";
import type { Sessions } from "./sessions.ts";

/** The way of every message: committed to its log first, then to whoever is online. */
export class Delivery {
  readonly #log: LogStore;
  readonly #sessions: Sessions;

  constructor(log: LogStore, sessions: Sessions) {
    this.#log = log;
    this.#sessions = sessions;
  }

  /**
   * Commits a message and offers it to its readers. Resolves with the entry once it is committed (I1); a message
   * that was stored before gives the entry of that time and is offered to nobody again.
   * @throws {Refusal} errno 103, 105, 109 or 111.
   * @throws {StoreUnavailable}
   */
  async send(message: NewMessage): Promise<LogMessage> {
    const result = await this.#log.append(message);
    if ("refused" in result) throw refusal(result.refused);
    if (result.fresh) this.#distribute(result.stored);
    return result.stored;
  }

  #distribute(message: LogMessage): void {
    const about = parseConv(message.conv);
    const push = new Push(message);
    if (about?.kind === "group") {
      for (const session of this.#sessions.inGroup(about.group)) session.inbox.offer(push);
    } else if (about?.kind === "pair") {
      this.#sessions.get(about.low)?.inbox.offer(push);
      if (about.high !== about.low) this.#sessions.get(about.high)?.inbox.offer(push);
    }
  }
}

function refusal(reason: "no_user" | "already" | "no_request" | "not_a_member"): Refusal {
  switch (reason) {
    case "no_user":
      return new Refusal(Errno.NO_SUCH_USER, "no such user");
    case "already":
      return new Refusal(
        Errno.ALREADY_DONE,
        "you are friends already, or your request is waiting for an answer",
      );
    case "no_request":
      return new Refusal(Errno.NOT_ALLOWED, "this user has not asked to be your friend");
    case "not_a_member":
      return new Refusal(Errno.NOT_A_MEMBER, "you are not a member of this group");
  }
}
