import { Errno, Refusal } from "../errors.ts";
import { parseConv } from "../protocol/conversation.ts";
import { messageFrame } from "../protocol/message_frame.ts";
import type { LogMessage } from "../protocol/messages.ts";
import { Msg } from "../protocol/msgid.ts";
import { answering, type Frame } from "../protocol/schemas.ts";
import type { LogStore, SocialStore } from "../stores/store.ts";
import type { Session } from "./sessions.ts";

const utf8 = new TextEncoder();
/** What a HISTORY_ACK has beside its messages, in bytes. */
const ENVELOPE = 200;

/** Pages of a conversation's log. */
export class History {
  readonly #log: LogStore;
  readonly #social: SocialStore;
  readonly #maxFrame: number;

  /** @param maxFrame The longest answer, in bytes: a page ends early rather than being longer. */
  constructor(options: { log: LogStore; social: SocialStore; maxFrame: number }) {
    this.#log = options.log;
    this.#social = options.social;
    this.#maxFrame = options.maxFrame;
  }

  /**
   * Answers with one page, oldest first: the entries next to `after` or `before`, or else the newest ones.
   * @throws {Refusal} errno 104, 105 or 109.
   */
  async page(session: Session, frame: Frame<typeof Msg.HISTORY>): Promise<void> {
    const { conv, after, limit } = frame;
    const joined = await this.joined(session, conv);
    const forward = after !== undefined;
    const found = await this.#log.read({
      conv,
      limit: limit + 1,
      maxSize: this.#maxFrame,
      ...(forward ? { after: Math.max(after, joined) } : { before: frame.before ?? Number.MAX_SAFE_INTEGER }),
    });
    const visible = found.filter((message) => message.seq > joined);
    const nearestFirst = (forward ? visible : visible.reverse()).slice(0, limit);
    const frames = this.#fit(nearestFirst, await this.#reactions(conv, nearestFirst));
    const more = frames.length < visible.length || await this.#goesOn({ visible, forward, joined, conv });
    if (!forward) frames.reverse();
    session.peer.reply({ msgid: Msg.HISTORY_ACK, conv, frames, more, ...answering(frame) });
  }

  /** An entry as a page has it: as it stands now, with its reactions. */
  async frame(message: LogMessage): Promise<string> {
    return framed(message, await this.#reactions(message.conv, [message]));
  }

  /** As many as fit into one frame, nearest first. */
  #fit(messages: readonly LogMessage[], reactions: ReadonlyMap<number, string>): string[] {
    const frames: string[] = [];
    let room = this.#maxFrame - ENVELOPE;
    for (const message of messages) {
      const all = framed(message, reactions);
      // A text that fills a frame by itself comes without reactions.
      const text = frames.length === 0 && utf8.encode(all).length + 1 > room ? messageFrame(message, 2) : all;
      room -= utf8.encode(text).length + 1;
      if (room < 0 && frames.length > 0) break;
      frames.push(text);
    }
    return frames;
  }

  /** The reactions to some entries, by number: JSON objects of the users by sign. */
  async #reactions(conv: string, messages: readonly LogMessage[]): Promise<Map<number, string>> {
    const seqs = messages.filter(({ kind }) => kind === "chat").map(({ seq }) => seq);
    if (seqs.length === 0) return new Map();
    const found = await this.#log.reactions({ conv, from: Math.min(...seqs), to: Math.max(...seqs) });
    return new Map([...Map.groupBy(found, ({ seq }) => seq)].map(([seq, ofEntry]) => {
      const users = Map.groupBy(ofEntry, ({ emoji }) => emoji);
      const ids = [...users].map(([emoji, some]) => [emoji, some.map(({ user }) => user)]);
      return [seq, JSON.stringify(Object.fromEntries(ids))];
    }));
  }

  /** Whether the log holds more where the store ended a page for its size. */
  async #goesOn(page: { visible: readonly LogMessage[]; forward: boolean; joined: number; conv: string }) {
    const { conv, joined, forward } = page;
    const last = page.visible.at(-1);
    if (!last || (!forward && last.seq <= joined + 1)) return false;
    const further = await this.#log.read({
      conv,
      limit: 1,
      ...(forward ? { after: last.seq } : { before: last.seq }),
    });
    return further.some(({ seq }) => seq > joined);
  }

  /**
   * Where what a user may read of a conversation begins: entries up to this number are not the user's.
   * @throws {Refusal} errno 104, 105 or 109.
   */
  async joined(session: Session, conv: string): Promise<number> {
    const about = parseConv(conv);
    if (!about) throw new Refusal(Errno.BAD_FRAME, '"conv" names no conversation');
    if (about.kind === "pair") {
      if (about.low === session.user.id || about.high === session.user.id) return 0;
      throw new Refusal(Errno.NOT_ALLOWED, "this conversation is not yours");
    }
    const membership = await this.#log.membership(conv, session.user.id);
    if (membership) return membership.joined;
    throw await this.#social.groupExists(about.group)
      ? new Refusal(Errno.NOT_A_MEMBER, "you are not a member of this group")
      : new Refusal(Errno.NO_SUCH_GROUP, "no such group");
  }
}

function framed(message: LogMessage, reactions: ReadonlyMap<number, string>): string {
  const frame = messageFrame(message, 2);
  const some = reactions.get(message.seq);
  return some === undefined ? frame : `${frame.slice(0, -1)},"reactions":${some}}`;
}
