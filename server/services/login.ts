import { Errno, Refusal } from "../errors.ts";
import { answering, type Frame } from "../protocol/schemas.ts";
import { Msg } from "../protocol/msgid.ts";
import type { EndReason, LoginAck, LogMessage } from "../protocol/messages.ts";
import type { Store } from "../stores/store.ts";
import type { System } from "../system.ts";
import type { Auth, Identity } from "./auth.ts";
import { fitLoginAck, missedSize } from "../protocol/v1_login_ack.ts";
import type { Cursors } from "./cursors.ts";
import type { Delivery } from "./delivery.ts";
import type { Devices } from "./devices.ts";
import { requestSentence } from "./friends.ts";
import type { Gate } from "./gate.ts";
import { arrive } from "./arrivals.ts";
import { Entering } from "./entering.ts";
import { Inbox } from "./inbox.ts";
import type { LastSeen } from "./last_seen.ts";
import type { Leases } from "./leases.ts";
import { Overviews } from "./overview.ts";
import type { Peer } from "./peer.ts";
import type { Presence } from "./presence.ts";
import type { Session, Sessions } from "./sessions.ts";

/** Clients whose sessions this node gives up come back within this time, not all at once, in ms. */
const SPREAD = 500;

/** The longest answer to a login of a program of the first generation if there is no bound for its frames, in bytes. */
const LONGEST_ACK = 1024 * 1024;

/** What programs of the first generation are answered. */
export interface V1Answers {
  /** Bytes of missed messages that a login answer carries; the rest is pushed. */
  readonly ackLimit: number;
  /** Bytes of any frame, with its line end; 0 for no bound. */
  readonly longest: number;
}

/** From credentials to a session that is caught up, and back out. */
export class Login {
  readonly #auth: Auth;
  readonly #store: Store;
  readonly #sessions: Sessions;
  readonly #cursors: Cursors;
  readonly #leases: Leases;
  readonly #presence: Presence;
  readonly #devices: Pick<Devices, "enter" | "leave">;
  readonly #delivery: Pick<Delivery, "came">;
  readonly #gate: Gate;
  readonly #v1: V1Answers;
  readonly #overviews: Overviews;
  readonly #entering: Entering;
  readonly #lastSeen: Pick<LastSeen, "note">;
  readonly #system: Pick<System, "after" | "random">;
  readonly #onDefect: (error: unknown) => void;

  constructor(options: {
    auth: Auth;
    store: Store;
    sessions: Sessions;
    cursors: Cursors;
    leases: Leases;
    presence: Presence;
    devices: Pick<Devices, "enter" | "leave">;
    delivery: Pick<Delivery, "came">;
    gate: Gate;
    v1: V1Answers;
    lastSeen: Pick<LastSeen, "note">;
    system: Pick<System, "after" | "random">;
    onDefect: (error: unknown) => void;
  }) {
    this.#auth = options.auth;
    this.#store = options.store;
    this.#sessions = options.sessions;
    this.#cursors = options.cursors;
    this.#leases = options.leases;
    this.#presence = options.presence;
    this.#devices = options.devices;
    this.#delivery = options.delivery;
    this.#gate = options.gate;
    this.#v1 = options.v1;
    this.#overviews = new Overviews(options.store, options.sessions);
    this.#entering = new Entering({ ...options, log: options.store.log, after: options.system.after });
    this.#lastSeen = options.lastSeen;
    this.#system = options.system;
    this.#onDefect = options.onDefect;
  }

  /**
   * Logs in and answers the client. The session takes part from before its state is read, so that nothing falls in
   * between; it pushes from after the answer.
   * @throws {Refusal} errno 1, 2, 112 or 113.
   */
  async logIn(frame: Frame<typeof Msg.LOGIN>, peer: Peer): Promise<Session> {
    peer.generation = (frame.v ?? 1) >= 2 ? 2 : 1;
    // Passwords have a queue of their own, which must not be everybody's.
    const device = peer.generation === 1 ? "" : frame.device ?? "";
    const authenticate = () => this.#auth.authenticate({ ...frame, device });
    const identity = frame.token === undefined ? await authenticate() : await this.#gate.run(authenticate);
    const { session, subscribed } = await this.#leases.claim(
      { user: identity.id, device, takeover: frame.takeover ?? false },
      (id) => this.#open(id, { identity, device, peer }),
    );
    try {
      await subscribed;
      // Before anything is read: what other nodes commit from now on is announced here, or looked for.
      this.#delivery.came(session.user.id);
      await this.#gate.run(() => this.#present(session, { identity, frame }));
    } catch (error) {
      await this.#end(session);
      throw error;
    }
    return session;
  }

  /**
   * Ends a session, its cursors stored. The connection stays.
   * @param options `isFinal`: the user has logged out, and the tokens of a device with a name end, too.
   */
  async logOut(session: Session, { isFinal = false } = {}): Promise<void> {
    const { user, device } = session;
    if (isFinal && device !== "") await this.#auth.endTokens({ user: user.id, device });
    await this.#gate.run(() => this.#end(session));
    this.#presence.left(user);
  }

  /** Ends a session and its connection. Resolves when another one of the same device may begin. */
  async end(session: Session, reason: EndReason): Promise<void> {
    const goodbye = {
      reason,
      reconnectMs: reason === "unsure" ? Math.round(this.#system.random() * SPREAD) : 0,
    };
    this.#sessions.remove(session);
    // A client that comes back at once finds its lease free; one that makes room knows before the other one begins.
    if (reason === "takeover") return await this.#end(session, () => session.peer.end(goodbye));
    await this.#end(session);
    if (reason === "ended") this.#presence.left(session.user);
    await session.peer.end(goodbye);
  }

  async #end(session: Session, first = () => Promise.resolve()): Promise<void> {
    this.#sessions.remove(session);
    this.#lastSeen.note(session.user.id);
    await this.#leases.close(session, async () => {
      await first();
      await Promise.all([
        this.#cursors.settle(session.user.id),
        session.device === "" ? undefined : this.#devices.leave(session),
      ]);
    });
  }

  #open(id: string, { identity, device, peer }: { identity: Identity; device: string; peer: Peer }) {
    // One that has lost its lease without that having been noticed, as in a store that came back older.
    const before = this.#sessions.get({ user: identity.id, device });
    if (before) this.end(before, "unsure").catch(this.#onDefect);
    const session: Session = {
      id,
      user: { id: identity.id, name: identity.name },
      device,
      peer,
      inbox: new Inbox({
        user: identity.id,
        device,
        peer,
        log: this.#store.log,
        cursors: this.#cursors,
        mayServe: () => this.#leases.valid,
        onEntry: (message) => arrive(session, message),
        after: this.#system.after,
        onDefect: this.#onDefect,
      }),
      groups: new Set(),
      entering: undefined,
      takenForOnline: new Map(),
      ended: false,
    };
    return { session, subscribed: this.#sessions.add(session) };
  }

  async #present(
    session: Session,
    { identity, frame }: { identity: Identity; frame: Frame<typeof Msg.LOGIN> },
  ): Promise<void> {
    const { user, device, peer, inbox } = session;
    const { social } = this.#store;
    await Promise.all([
      // A session of this user that has just ended may have left cursors to be written.
      this.#cursors.settle(user.id),
      device === "" ? undefined : this.#devices.enter({ user: user.id, device }, frame.client ?? ""),
    ]);
    const [{ online, more, ...overview }, asking, token] = await Promise.all([
      this.#overviews.read(session),
      peer.generation === 1 ? social.requests(user.id) : [],
      peer.generation === 2 ? identity.token ?? this.#auth.issueToken({ user: user.id, device }) : undefined,
    ]);
    inbox.load(overview.conversations, { more });
    if (session.ended) throw takenOver();
    const ack: LoginAck = {
      msgid: Msg.LOGIN_ACK,
      errno: Errno.OK,
      id: user.id,
      name: user.name,
      ...overview,
      ...(more ? { more: true } : {}),
      log: this.#leases.log,
      ...(token === undefined ? {} : { token }),
      ...answering(frame),
    };
    if (peer.generation === 2) peer.reply(ack);
    else await this.#answerV1(session, { ...ack, requests: asking.map(requestOf) });
    for (const [id, friend] of online) session.takenForOnline.set(id, friend);
    inbox.start();
    if (more) this.#entering.begin(session);
    this.#presence.came(user, online.keys());
  }

  /**
   * Answers a program of the first generation, as far as the answer may be long: with the friend requests that wait for
   * an answer, and with what was missed.
   */
  async #answerV1(session: Session, whole: LoginAck): Promise<void> {
    const { peer, inbox } = session;
    const { ack, room } = fitLoginAck(whole, this.#v1.longest || LONGEST_ACK);
    const shown = new Set(ack.requests?.map(({ from }) => from));
    const isShown = ({ kind, sender }: LogMessage) => kind === "request" && shown.has(sender);
    const waiting = await inbox.takeWaiting(
      Math.min(room, this.#v1.ackLimit),
      (message) => isShown(message) ? 0 : missedSize(message),
    );
    if (session.ended) throw takenOver();
    peer.reply(
      { ...ack, missed: waiting.filter((message) => !isShown(message)) },
      () => waiting.forEach((message) => inbox.written(message)),
    );
  }
}

const requestOf = (asker: { id: number; name: string }) => ({ from: asker.id, msg: requestSentence(asker) });

const takenOver = () => new Refusal(Errno.LOGGED_IN, "another login took this account over");
