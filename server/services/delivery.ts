import type { Bus } from "../bus/bus.ts";
import { Errno, Refusal } from "../errors.ts";
import { parseConv } from "../protocol/conversation.ts";
import { Push } from "../protocol/encode.ts";
import type { LogMessage, Reply } from "../protocol/messages.ts";
import type { LogStore, NewMessage } from "../stores/store.ts";
import { Sequencer } from "./sequencer.ts";
import { groupChannel, type Session, type Sessions, userChannel } from "./sessions.ts";

/** What nodes tell each other on the channels of users and groups. */
type Envelope =
  | { readonly type: "message"; readonly node: string; readonly message: LogMessage }
  | { readonly type: "reply"; readonly reply: Reply }
  | { readonly type: "evict"; readonly session: string };

/** Conversations remembered whose wake-up could not be published; beyond that everybody is asked to look. */
const MAX_UNSENT = 10_000;
/** On this channel every node is asked to look into the log for all its users. */
export const EVERYBODY = "everybody";

export interface DeliveryOptions {
  readonly log: LogStore;
  readonly sessions: Sessions;
  readonly bus: Bus;
  /** This node's id. */
  readonly node: string;
  /** Whether this node's sessions are certainly still its own; if not, nothing is acknowledged. */
  readonly mayServe: () => boolean;
  /** Called when another node wants a session of this one to end. */
  readonly onEvict: (session: Session) => void;
  /** Called when wake-ups for any user may be missing. */
  readonly onMissing: () => void;
  /** Called with what came by the bus and makes no sense. */
  readonly onNonsense: (payload: string) => void;
  readonly onDefect: (error: unknown) => void;
  /** A clock in ms that never goes back. */
  readonly monotonic: () => number;
}

/** The way of every message: committed to its log first, then to whoever is online, here or on other nodes. */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #sequencer: Sequencer;
  /** The newest wake-up of each conversation and channel that the bus did not take. */
  readonly #unsent = new Map<string, { channel: string; payload: string }>();
  #tooManyUnsent = false;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#sequencer = new Sequencer({
      log: options.log,
      deliver: (push) => this.#offer(push),
      toPush: (message) => new Push(message),
      monotonic: options.monotonic,
      onDefect: options.onDefect,
    });
  }

  /** Offers what still waits for something else. */
  close(): void {
    this.#sequencer.close();
  }

  /**
   * Commits a message and offers it to its readers. Resolves with the entry once it is committed (I1); a message
   * that was stored before gives the entry of that time.
   * @throws {Refusal} errno 103, 105, 109 or 111.
   * @throws {StoreUnavailable}
   */
  async send(message: NewMessage): Promise<LogMessage> {
    const result = await this.#options.log.append(message);
    if ("refused" in result) throw refusal(result.refused);
    // Also what was stored before: whoever stored it may have died before anybody was told. Who has it drops it.
    this.#distribute(result.stored);
    // A commit that took a frozen process with it is not for this session to acknowledge any more: its user may have
    // another one by now, where the message is sent again and found. Those who send no mid cannot do that.
    if (result.stored.mid !== null && !this.#options.mayServe()) {
      throw new Refusal(Errno.NOT_STORED, "not certain, try again", { retryMs: 1000 });
    }
    return result.stored;
  }

  /** Tells a user something that is not in the log, if they are online; it may be lost. */
  tell(user: number, reply: Reply): void {
    const session = this.#options.sessions.get(user);
    if (session) session.inbox.tell(keyOf(reply), reply);
    else this.#publish(userChannel(user), { type: "reply", reply });
  }

  /** Asks the node that has this session to end it. */
  askToEvict({ user, session }: { user: number; session: string }): void {
    this.#publish(userChannel(user), { type: "evict", session });
  }

  /** Takes what came in by the bus. */
  receive(channel: string, payload: string): void {
    if (channel === EVERYBODY) return this.#options.onMissing();
    const envelope = this.#open(payload);
    if (!envelope) return;
    const [kind, id] = channel.split(":");
    if (envelope.type === "message") {
      if (envelope.node !== this.#options.node) this.#sequencer.pass(new Push(envelope.message));
      return;
    }
    const session = kind === "user" ? this.#options.sessions.get(Number(id)) : undefined;
    if (!session) return;
    if (envelope.type === "reply") session.inbox.tell(keyOf(envelope.reply), envelope.reply);
    else if (session.id === envelope.session) this.#options.onEvict(session);
  }

  /** Remembers what the bus did not take. Only wake-ups for the log matter enough. */
  unsent(channel: string, payload: string): void {
    const envelope = this.#open(payload);
    if (envelope?.type !== "message") return;
    if (this.#unsent.size >= MAX_UNSENT) this.#tooManyUnsent = true;
    else this.#unsent.set(`${channel} ${envelope.message.conv}`, { channel, payload });
  }

  /** Publishes again what the bus did not take; whoever gets the newest entry of a conversation reads the others. */
  resend(): void {
    const waiting = [...this.#unsent.values()];
    this.#unsent.clear();
    for (const { channel, payload } of waiting) this.#options.bus.publish(channel, payload);
    if (this.#tooManyUnsent) this.#options.bus.publish(EVERYBODY, "");
    this.#tooManyUnsent = false;
  }

  #distribute(message: LogMessage): void {
    const { sessions, node, mayServe } = this.#options;
    const about = parseConv(message.conv);
    this.#sequencer.pass(new Push(message));
    if (about?.kind === "group") {
      this.#publish(groupChannel(about.group), { type: "message", node, message });
    } else if (about?.kind === "pair") {
      for (const user of about.low === about.high ? [about.low] : [about.low, about.high]) {
        // A session that may have gone elsewhere is told in both places.
        if (sessions.get(user) && mayServe()) continue;
        this.#publish(userChannel(user), { type: "message", node, message });
      }
    }
  }

  /** Offers an entry to the sessions here that may read it. */
  #offer(push: Push): void {
    const { sessions } = this.#options;
    const about = parseConv(push.message.conv);
    if (about?.kind === "group") {
      for (const session of sessions.inGroup(about.group)) session.inbox.offer(push);
    } else if (about?.kind === "pair") {
      sessions.get(about.low)?.inbox.offer(push);
      if (about.high !== about.low) sessions.get(about.high)?.inbox.offer(push);
    }
  }

  #publish(channel: string, envelope: Envelope): void {
    this.#options.bus.publish(channel, JSON.stringify(envelope));
  }

  /** Other nodes may run another version, and other programs may share the Redis. */
  #open(payload: string): Envelope | undefined {
    try {
      const envelope: unknown = JSON.parse(payload);
      if (isEnvelope(envelope)) return envelope;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
    this.#options.onNonsense(payload);
    return undefined;
  }
}

/** Of replies with the same key the newest says it all. */
function keyOf(reply: Reply): string {
  const conv = "conv" in reply ? reply.conv : "";
  const kind = "kind" in reply ? reply.kind : "";
  const id = "id" in reply ? reply.id : "";
  return `${reply.msgid} ${conv} ${kind} ${id}`;
}

function isEnvelope(value: unknown): value is Envelope {
  if (typeof value !== "object" || value === null || !("type" in value)) return false;
  if (value.type === "evict") return "session" in value;
  if (value.type === "reply") {
    return "reply" in value && typeof value.reply === "object" && value.reply !== null;
  }
  if (value.type !== "message" || !("node" in value) || !("message" in value)) return false;
  const { message } = value;
  return typeof message === "object" && message !== null && "conv" in message &&
    typeof message.conv === "string" &&
    parseConv(message.conv) !== undefined && "seq" in message && typeof message.seq === "number" &&
    "body" in message && typeof message.body === "string" && "sender" in message && "at" in message;
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
