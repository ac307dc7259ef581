import { Errno, Refusal } from "../errors.ts";
import { parseConv, peerOf } from "../protocol/conversation.ts";
import type { Fields } from "../protocol/kinds.ts";
import { Msg } from "../protocol/msgid.ts";
import type { Frame } from "../protocol/schemas.ts";
import type { SocialStore } from "../stores/store.ts";
import type { System } from "../system.ts";
import { acknowledge } from "./chat.ts";
import type { Delivery } from "./delivery.ts";
import type { Session } from "./sessions.ts";
import { literalOf } from "./texts.ts";

/** Entries that clients send as EVENT. What each kind may and does stands in {@linkcode KINDS}. */
export class Events {
  readonly #delivery: Pick<Delivery, "send">;
  readonly #social: Pick<SocialStore, "groupExists">;
  readonly #now: System["now"];
  readonly #maxBody: number;
  readonly #editMs: number;

  /** @param options `maxBody`: see {@linkcode literalOf}; `editHours`: for how long a message may be edited. */
  constructor(options: {
    delivery: Pick<Delivery, "send">;
    social: Pick<SocialStore, "groupExists">;
    now: System["now"];
    maxBody: number;
    editHours: number;
  }) {
    this.#delivery = options.delivery;
    this.#social = options.social;
    this.#now = options.now;
    this.#maxBody = options.maxBody;
    this.#editMs = options.editHours * 60 * 60 * 1000;
  }

  /** @throws {Refusal} errno 100, 104, 107, 109, or what the kind refuses. */
  async send(session: Session, frame: Frame<typeof Msg.EVENT>): Promise<void> {
    const { conv, kind, mid, rid: _, ...fields } = frame;
    const { id, name } = session.user;
    const about = parseConv(conv);
    if (!about) throw new Refusal(Errno.BAD_FRAME, '"conv" names no conversation');
    if (about.kind === "pair" && about.low !== id && about.high !== id) {
      throw new Refusal(Errno.NOT_ALLOWED, "this conversation is not yours");
    }
    const entry = {
      conv,
      kind,
      sender: id,
      senderName: name,
      to: about.kind === "pair" ? peerOf(about, id) : undefined,
      mid,
      body: this.#bodyOf(fields),
      ...(fields.ref === undefined ? {} : { ref: fields.ref }),
      fields,
      oldest: this.#now() - this.#editMs,
    };
    try {
      acknowledge(session, await this.#delivery.send(entry, session), frame);
    } catch (error) {
      const isOutside = error instanceof Refusal && error.errno === Errno.NOT_A_MEMBER;
      if (!isOutside || about.kind === "pair" || await this.#social.groupExists(about.group)) throw error;
      throw new Refusal(Errno.NO_SUCH_GROUP, "no such group");
    }
  }

  /** See {@linkcode LogMessage.body}. */
  #bodyOf({ ref: _, msg, ...others }: Fields): string {
    return msg === undefined ? JSON.stringify(others) : literalOf(msg, this.#maxBody);
  }
}
