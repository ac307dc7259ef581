import { Errno, Refusal } from "../errors.ts";
import { messageFrame } from "../protocol/message_frame.ts";
import { Msg } from "../protocol/msgid.ts";
import { answering, type Frame } from "../protocol/schemas.ts";
import type { Found, SearchStore } from "../stores/store.ts";
import type { History } from "./history.ts";
import type { Session } from "./sessions.ts";

const utf8 = new TextEncoder();
/** What an answer has beside its messages, in bytes. */
const ENVELOPE = 300;
/** Searches under way on this node, those that wait included; each takes up to a second of the store. */
const MOST = 8;
const RETRY_MS = 1000;

/** Finds texts among what a user may read. */
export class Search {
  readonly #store: SearchStore;
  readonly #history: Pick<History, "joined" | "frame">;
  readonly #maxFrame: number;
  readonly #isOn: boolean;
  readonly #underWay = new Set<Session>();

  /** @param options.maxFrame The longest answer, in bytes: it ends early rather than being longer. */
  constructor(
    options: {
      store: SearchStore;
      history: Pick<History, "joined" | "frame">;
      maxFrame: number;
      isOn: boolean;
    },
  ) {
    this.#store = options.store;
    this.#history = options.history;
    this.#maxFrame = options.maxFrame;
    this.#isOn = options.isOn;
  }

  /**
   * Answers with what was found, newest first, and where to go on.
   * @throws {Refusal} errno 100, 104, 105, 106 or 109.
   */
  async find(session: Session, frame: Frame<typeof Msg.SEARCH>): Promise<void> {
    if (!this.#isOn) throw new Refusal(Errno.NOT_ALLOWED, "searching is turned off on this server");
    if (this.#underWay.has(session)) {
      throw new Refusal(Errno.TOO_FAST, "your last search is still under way", { retryMs: RETRY_MS });
    }
    if (this.#underWay.size >= MOST) {
      throw new Refusal(Errno.TOO_FAST, "too many people are searching just now", { retryMs: RETRY_MS });
    }
    this.#underWay.add(session);
    try {
      const { q, conv, before, limit } = frame;
      if (conv !== undefined) await this.#history.joined(session, conv);
      const page = await this.#store.find({
        user: session.user.id,
        text: q,
        limit,
        ...conv !== undefined && { conv },
        ...before !== undefined && { before },
      });
      if (!page) {
        throw new Refusal(Errno.BAD_FRAME, '"before" must be a time, or what a search has answered');
      }
      const { frames, next } = await this.#fit(page);
      session.peer.reply({
        msgid: Msg.DONE,
        ref: Msg.SEARCH,
        ...answering(frame),
        found: frames,
        more: next !== undefined,
        ...next !== undefined && { before: next },
      });
    } finally {
      this.#underWay.delete(session);
    }
  }

  /** As many as fit into one frame, and where to go on behind them. */
  async #fit({ found, next }: Found): Promise<{ frames: string[]; next: string | undefined }> {
    const frames: string[] = [];
    let room = this.#maxFrame - ENVELOPE;
    const all = await Promise.all(found.map(({ message }) => this.#history.frame(message)));
    for (const [i, { message }] of found.entries()) {
      // A text that fills a frame by itself comes without reactions.
      const text = i === 0 && utf8.encode(all[i]).length + 1 > room ? messageFrame(message, 2) : all[i]!;
      room -= utf8.encode(text).length + 1;
      if (room < 0 && i > 0) return { frames, next: found[i - 1]!.place };
      frames.push(text);
    }
    return { frames, next };
  }
}
