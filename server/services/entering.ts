import { Pauses } from "../pauses.ts";
import { parseConv } from "../protocol/conversation.ts";
import type { Progress } from "../protocol/messages.ts";
import { type LogStore, StoreUnavailable } from "../stores/store.ts";
import type { After } from "../system.ts";
import type { Gate } from "./gate.ts";
import type { Session, Sessions } from "./sessions.ts";

/** Conversations that a session enters in one go. */
const SLICE = 500;
/** The pause after each slice, in ms. Without it the loop would not look at the network for dozens of turns. */
const PAUSE = 2;
/** The pause after the store could not be asked, in ms. */
const RETRY = 500;

/**
 * Lets sessions enter the conversations that their login did not read, because there are so many: some at a time, each
 * time after everybody who logs in meanwhile. Until then what is said there is only noted.
 */
export class Entering {
  readonly #log: Pick<LogStore, "conversationPage" | "behind">;
  readonly #sessions: Pick<Sessions, "enterGroups">;
  readonly #gate: Gate;
  readonly #pauses: Pauses;
  readonly #onDefect: (error: unknown) => void;

  constructor(options: {
    log: Pick<LogStore, "conversationPage" | "behind">;
    sessions: Pick<Sessions, "enterGroups">;
    gate: Gate;
    after: After;
    onDefect: (error: unknown) => void;
  }) {
    this.#log = options.log;
    this.#sessions = options.sessions;
    this.#gate = options.gate;
    this.#pauses = new Pauses(options.after);
    this.#onDefect = options.onDefect;
  }

  /** Begins. `session.entering` says when it is done. */
  begin(session: Session): void {
    session.entering = this.#enterAll(session).catch(this.#onDefect).finally(() => {
      session.entering = undefined;
    });
  }

  async #enterAll(session: Session): Promise<void> {
    const { user: { id: user }, device } = session;
    let after: string | undefined = "";
    while (after !== undefined && !session.ended) {
      const from: string = after;
      after = await this.#try(() => this.#enter(session, from), from);
      await this.#pauses.pause(PAUSE);
    }
    if (session.ended) return;
    // What was said between the moment when a group's numbers were read and the one when it was heard.
    const missed = await this.#try(() => this.#log.behind([{ user, device }]), []);
    for (const { conv, seq, delivered } of missed) session.inbox.notice(conv, seq, delivered);
    session.inbox.load([]);
  }

  /** Enters the conversations after this one; the name of the last of them, undefined if there are no more. */
  async #enter(session: Session, after: string): Promise<string | undefined> {
    const page = await this.#log.conversationPage({ user: session.user.id, device: session.device }, {
      after,
      limit: SLICE,
    });
    await this.#sessions.enterGroups(session, groupsOf(page).filter((group) => !session.groups.has(group)));
    session.inbox.load(page, { more: true });
    return page.at(-1)?.conv;
  }

  /** What `work` gives; `otherwise` if the store could not be asked, after a pause. */
  async #try<T>(work: () => Promise<T>, otherwise: T): Promise<T> {
    try {
      return await this.#gate.run(work);
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      await this.#pauses.pause(RETRY);
      return otherwise;
    }
  }
}

function groupsOf(conversations: readonly Progress[]): number[] {
  return conversations.flatMap(({ conv }) => {
    const about = parseConv(conv);
    return about?.kind === "group" ? [about.group] : [];
  });
}
