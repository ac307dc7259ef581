import type { Bus } from "../bus/bus.ts";
import { groupChannel, NODES, userChannel } from "../bus/channels.ts";
import type { Envelope, Envelopes, News } from "../bus/envelope.ts";
import { Errno, Refusal } from "../errors.ts";
import { groupConv, parseConv } from "../protocol/conversation.ts";
import { Msg } from "../protocol/msgid.ts";
import { Push } from "../protocol/encode.ts";
import type { LogMessage } from "../protocol/messages.ts";
import { REFUSED } from "../protocol/refused.ts";
import { type Lease, type LogStore, type NewMessage, StoreUnavailable, type Want } from "../stores/store.ts";
import type { Cancel, System } from "../system.ts";
import { Sequencer } from "./sequencer.ts";
import type { Session, Sessions } from "./sessions.ts";

/** Wake-ups that nobody vouches for make a node look into the log once in so long, however many there are, in ms. */
const HINT_INTERVAL = 5000;
/** Other nodes make a node look into the log once in so long, in ms. */
const LOOK_INTERVAL = 1000;
/** What makes no sense is reported once in so long, in ms. */
const NONSENSE_INTERVAL = 60_000;

export interface DeliveryOptions {
  readonly log: LogStore;
  readonly sessions: Sessions;
  readonly bus: Bus;
  readonly envelopes: Envelopes;
  /** Whether this node's sessions are certainly still its own; if not, nothing is acknowledged. */
  readonly mayServe: () => boolean;
  /** Called when another node wants a session of this one to end. */
  readonly onEvict: (session: Session, reason: Want) => void;
  /** Called when wake-ups for any user may be missing. */
  readonly onMissing: () => void;
  /** Called when wake-ups for one user may be missing. */
  readonly onMissingOf: (user: number) => void;
  /** Called when another node lets itself be heard. */
  readonly onBeat: (node: string) => void;
  /** Called once in a while if there was something on the bus that nobody could make sense of, or that was forged. */
  readonly onNonsense: (about: { count: number; channel: string }) => void;
  readonly onDefect: (error: unknown) => void;
  readonly system: Pick<System, "monotonic" | "after">;
}

/** The way of every message: committed to its log first, then to whoever is online, here or on other nodes. */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #sequencer: Sequencer;
  /** Whether the bus did not take some wake-ups. */
  #unsent = false;
  /** When another node last made this one look into the log, and what calls off the next time. */
  #looked = -Infinity;
  #cancelLook: Cancel | undefined;
  /** When the log was last looked into for a hint. */
  #hinted = -Infinity;
  #nonsense = { count: 0, reported: -Infinity };

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#sequencer = new Sequencer({
      log: options.log,
      deliver: (push) => this.#offer(push),
      toPush: (message) => new Push(message),
      system: options.system,
      onDefect: options.onDefect,
    });
  }

  /** Offers what still waits for something else. */
  close(): void {
    this.#cancelLook?.();
    this.#sequencer.close();
  }

  /**
   * Commits a message of a session and offers it to its readers, among them the other devices of its user. Resolves with
   * the entry once it is committed (I1); a message that was stored before gives the entry of that time.
   * @throws {Refusal} one of {@linkcode REFUSED}.
   * @throws {StoreUnavailable}
   */
  async send(message: NewMessage, { inbox }: Session): Promise<LogMessage> {
    const result = await inbox.sends(message, () => this.#options.log.append(message));
    if ("refused" in result) {
      const { errno, errmsg } = REFUSED[result.refused];
      throw new Refusal(errno, errmsg);
    }
    // Also what was stored before: whoever stored it may have died before anybody was told. Who has it drops it.
    this.#distribute(result.stored);
    // A commit that took a frozen process with it is not for this session to acknowledge any more: its user may have
    // another one by now, where the message is sent again and found. Those who send no mid cannot do that.
    if (result.stored.mid !== null && !this.#options.mayServe()) {
      throw new Refusal(Errno.NOT_STORED, "not certain, try again", { retryMs: 1000 });
    }
    return result.stored;
  }

  /**
   * Tells a user something that is not in the log, on all devices that are online; it may be lost.
   * @param from The session that says it, if it is one of this user: it is not told itself.
   */
  tell(user: number, reply: News, from?: Session): void {
    const { sessions } = this.#options;
    const here = sessions.of(user);
    for (const session of here) if (session !== from) tellHere(session, reply);
    if (here.length === 0 || sessions.mayBeElsewhere(user)) {
      this.#publish(userChannel(user), { type: "reply", reply });
    }
  }

  /** Tells other nodes that a user has a session here: those who have one too announce to this node what concerns it. */
  came(user: number): void {
    this.#publish(userChannel(user), { type: "came" });
  }

  /** A user has joined a group: their sessions take part in it, here and elsewhere. Resolves when those here do. */
  async joined(user: number, { group, seq }: { group: number; seq: number }): Promise<void> {
    const { sessions } = this.#options;
    if (sessions.mayBeElsewhere(user)) this.#publish(userChannel(user), { type: "joined", group });
    await Promise.all(sessions.of(user).map((session) => sessions.joinGroup(session, { group, seq })));
  }

  /** Asks the nodes on which a user has other sessions to look into the log for them. */
  askToLook(user: number): void {
    this.#publish(userChannel(user), { type: "look" });
  }

  /** Asks the node that has this session to end it. */
  askToEvict({ user, session }: Pick<Lease, "user" | "session">, reason: Want): void {
    this.#publish(userChannel(user), { type: "evict", session, reason });
  }

  /** Lets the other nodes hear this one. */
  beat(): void {
    this.#publish(NODES, { type: "beat" });
  }

  /** Takes what came in by the bus. */
  receive(channel: string, payload: string): void {
    const { envelopes } = this.#options;
    if (envelopes.isOwn(payload)) return;
    const opened = envelopes.open(channel, payload);
    if (opened === "hint") return this.#hint();
    if (opened === "nonsense") return this.#report(channel);
    const { from, envelope } = opened;
    switch (envelope.type) {
      case "message":
        this.#options.log.heard(envelope.message);
        return this.#sequencer.pass(new Push(envelope.message));
      case "reply":
        for (const session of this.#sessionsOf(channel)) tellHere(session, envelope.reply);
        return;
      case "evict": {
        const session = this.#sessionsOf(channel).find(({ id }) => id === envelope.session);
        if (session) this.#options.onEvict(session, envelope.reason ?? "takeover");
        return;
      }
      case "joined": {
        const user = userOf(channel);
        if (user === undefined) return;
        return void this.#enter(user, envelope.group).catch(this.#options.onDefect);
      }
      case "came": {
        const user = userOf(channel);
        if (user === undefined || this.#options.sessions.of(user).length === 0) return;
        this.#options.sessions.heardElsewhere(user);
        // What was committed here before that was heard was not announced there.
        return this.askToLook(user);
      }
      case "look": {
        const user = userOf(channel);
        if (user === undefined) return this.#look();
        this.#options.sessions.heardElsewhere(user);
        return this.#options.onMissingOf(user);
      }
      case "beat":
        return this.#options.onBeat(from);
    }
  }

  /** Something that was published may not have reached the bus. */
  unsent(): void {
    this.#unsent = true;
  }

  /** The bus works again: the others are asked to look for what it did not take. */
  resend(): void {
    if (!this.#unsent) return;
    this.#unsent = false;
    this.#publish(NODES, { type: "look" });
  }

  /** What another node says of a group is looked up: it may have been said long ago, and repeated. */
  async #enter(user: number, group: number): Promise<void> {
    const { sessions, log } = this.#options;
    try {
      if (sessions.of(user).every((session) => session.groups.has(group))) return;
      const membership = await log.membership(groupConv(group), user);
      if (!membership) return;
      for (const session of sessions.of(user)) {
        await sessions.joinGroup(session, { group, seq: membership.joined });
      }
    } catch (error) {
      // The next look finds what is said in the group.
      if (!(error instanceof StoreUnavailable)) throw error;
    }
  }

  #sessionsOf(channel: string): readonly Session[] {
    const user = userOf(channel);
    return user === undefined ? [] : this.#options.sessions.of(user);
  }

  /** At once, or a little later if that was asked for just now: who can write to Redis can repeat what was signed. */
  #look(): void {
    if (this.#cancelLook) return;
    const { system, onMissing } = this.#options;
    const look = () => {
      this.#cancelLook = undefined;
      this.#looked = system.monotonic();
      onMissing();
    };
    const wait = this.#looked + LOOK_INTERVAL - system.monotonic();
    if (wait > 0) this.#cancelLook = system.after(wait, look);
    else look();
  }

  #hint(): void {
    const now = this.#options.system.monotonic();
    if (now - this.#hinted < HINT_INTERVAL) return;
    this.#hinted = now;
    this.#options.onMissing();
  }

  #report(channel: string): void {
    const now = this.#options.system.monotonic();
    this.#nonsense.count++;
    if (now - this.#nonsense.reported < NONSENSE_INTERVAL) return;
    this.#options.onNonsense({ count: this.#nonsense.count, channel });
    this.#nonsense = { count: 0, reported: now };
  }

  #distribute(message: LogMessage): void {
    const { sessions, mayServe } = this.#options;
    const about = parseConv(message.conv);
    this.#sequencer.pass(new Push(message));
    if (about?.kind === "group") {
      this.#publish(groupChannel(about.group), { type: "message", message });
    } else if (about?.kind === "pair") {
      for (const user of about.low === about.high ? [about.low] : [about.low, about.high]) {
        // A session that may have gone elsewhere is told in both places.
        if (sessions.of(user).length > 0 && !sessions.mayBeElsewhere(user) && mayServe()) continue;
        this.#publish(userChannel(user), { type: "message", message });
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
      for (const session of sessions.of(about.low)) session.inbox.offer(push);
      if (about.high === about.low) return;
      for (const session of sessions.of(about.high)) session.inbox.offer(push);
    }
  }

  #publish(channel: string, envelope: Envelope): void {
    const { bus, envelopes } = this.#options;
    if (bus.carries) bus.publish(channel, envelopes.seal(channel, envelope));
  }
}

function tellHere(session: Session, reply: News): void {
  if (reply.msgid === Msg.PRESENCE) {
    const { id, name, state } = reply;
    const isKnown = session.takenForOnline.has(id);
    if (state === "online") session.takenForOnline.set(id, { name });
    else session.takenForOnline.delete(id);
    // Another device of somebody who is there, or another session of the same one.
    if (state === "online" && isKnown) return;
  } else if (reply.id === session.user.id) {
    // Another device of this user has read something.
    session.inbox.readElsewhere(reply.conv, reply.seq);
    if (session.device === "") return;
  }
  session.inbox.tell(keyOf(reply), reply);
}

function userOf(channel: string): number | undefined {
  const [kind, id] = channel.split(":");
  return kind === "user" ? Number(id) : undefined;
}

/** Of replies with the same key the newest says it all. */
function keyOf(reply: News): string {
  const conv = "conv" in reply ? reply.conv : "";
  const kind = "kind" in reply ? reply.kind : "";
  const id = "id" in reply ? reply.id : "";
  return `${reply.msgid} ${conv} ${kind} ${id}`;
}
