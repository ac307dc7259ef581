import { Errno, Refusal } from "../errors.ts";
import { type Frame } from "../protocol/schemas.ts";
import { Msg } from "../protocol/msgid.ts";
import type { Group, LogMessage } from "../protocol/messages.ts";
import type { Store } from "../stores/store.ts";
import type { Auth, Identity } from "./auth.ts";
import type { Cursors } from "./cursors.ts";
import { Inbox } from "./inbox.ts";
import type { Peer } from "./peer.ts";
import type { Session, Sessions } from "./sessions.ts";

/** From credentials to a session that is caught up, and back out. */
export class Login {
  readonly #auth: Auth;
  readonly #store: Store;
  readonly #sessions: Sessions;
  readonly #cursors: Cursors;
  readonly #v1AckLimit: number;
  readonly #onDefect: (error: unknown) => void;

  /** @param v1AckLimit About how many bytes of missed messages a v1 login answer carries; the rest is pushed. */
  constructor(options: {
    auth: Auth;
    store: Store;
    sessions: Sessions;
    cursors: Cursors;
    v1AckLimit: number;
    onDefect: (error: unknown) => void;
  }) {
    this.#auth = options.auth;
    this.#store = options.store;
    this.#sessions = options.sessions;
    this.#cursors = options.cursors;
    this.#v1AckLimit = options.v1AckLimit;
    this.#onDefect = options.onDefect;
  }

  /**
   * Logs in and answers the client. The session takes part from before its state is read, so that nothing falls in
   * between; it pushes from after the answer.
   * @throws {Refusal} errno 1, 2 or 112.
   */
  async logIn(frame: Frame<typeof Msg.LOGIN>, peer: Peer): Promise<Session> {
    peer.generation = (frame.v ?? 1) >= 2 ? 2 : 1;
    const identity = await this.#auth.authenticate(frame);
    const session = this.#open(identity, peer, frame.takeover ?? false);
    try {
      await this.#present(session, identity);
    } catch (error) {
      this.#sessions.remove(session);
      throw error;
    }
    return session;
  }

  /** Ends a session, its cursors stored. The connection stays. */
  async logOut(session: Session): Promise<void> {
    this.#sessions.remove(session);
    await this.#cursors.flush();
  }

  /** Checks and takes the user's one place without a pause in between (I6). */
  #open(identity: Identity, peer: Peer, takeover: boolean): Session {
    const other = this.#sessions.get(identity.id);
    if (other) {
      if (!takeover) {
        throw new Refusal(Errno.LOGGED_IN, "this account is already logged in");
      }
      this.#sessions.remove(other);
      other.peer.end({ reason: "takeover", reconnectMs: 0 });
    }
    const session: Session = {
      user: { id: identity.id, name: identity.name },
      peer,
      inbox: new Inbox({
        user: identity.id,
        peer,
        log: this.#store.log,
        cursors: this.#cursors,
        onDefect: this.#onDefect,
      }),
      groups: new Set(),
      ended: false,
    };
    this.#sessions.add(session);
    return session;
  }

  async #present(session: Session, identity: Identity): Promise<void> {
    const { user, peer, inbox } = session;
    // A session of this user that has just ended may have left cursors to be written.
    await this.#cursors.flush();
    const [friends, groupRows] = await Promise.all([
      this.#store.social.friends(user.id),
      this.#store.social.groups(user.id),
    ]);
    for (const { id } of groupRows) this.#sessions.enterGroup(session, { group: id });
    const conversations = await this.#store.log.conversations(user.id);
    inbox.load(conversations);
    const token = peer.generation === 2 ? identity.token ?? await this.#auth.issueToken(user.id) : undefined;
    const missed = peer.generation === 1 ? await inbox.takeWaiting(this.#v1AckLimit) : [];
    if (session.ended) return;
    const groups = groupRows.map(({ id, name, description, members }): Group => ({
      id,
      groupname: name,
      groupdesc: description,
      members: members.map((member) => ({
        id: member.id,
        name: member.name,
        state: this.#state(member.id),
        role: member.role,
      })),
    }));
    peer.reply({
      msgid: Msg.LOGIN_ACK,
      errno: Errno.OK,
      id: user.id,
      name: user.name,
      friends: friends.map(({ id, name }) => ({ id, name, state: this.#state(id) })),
      groups,
      conversations,
      ...(token === undefined ? {} : { token }),
      ...(missed.length > 0 ? { missed } : {}),
    }, () => missed.forEach((message: LogMessage) => inbox.written(message)));
    inbox.start();
  }

  #state(user: number): "online" | "offline" {
    return this.#sessions.get(user) ? "online" : "offline";
  }
}
