import type { Message } from "./conversation.ts";
import type { Findings } from "./findings.ts";
import type { Event, Of, Sighting } from "./history.ts";

/** For how long somebody without a session may be shown as online, in ms. */
const GHOST = 10_000;

interface User {
  readonly sessions: Set<string>;
  /** Clients that ask to be logged in. */
  readonly asking: Set<string>;
  /** When the user was last left without a session, and without anybody who asked for one. */
  left?: Of<"left">;
  /** Whether the server may not know yet that a session has ended: its client gave it up, and has no new one. */
  silent: boolean;
  /** By client, the event that made it show this user as online. */
  readonly views: Map<string, Of<"presence">>;
}

const isThere = ({ sessions, asking }: User) => sessions.size > 0 || asking.size > 0;

type ByClient = Exclude<Event, { type: "note" }>;

export const sessionOf = ({ session, client }: ByClient) => session ?? client;

/** Who is logged in: one session for each user and device, and nobody is shown as online without one. */
export class Sessions {
  readonly #findings: Findings;
  /** For how long a server may believe in a connection that its client has given up, in ms. */
  readonly #silence: number;
  readonly #crossing: number;
  readonly #users = new Map<number, User>();
  /** By client, whom it shows as online. */
  readonly #shown = new Map<string, Set<number>>();
  /** By user and device, the session that counts, and the place of its login in the history. */
  readonly #current = new Map<string, { session: string; n: number }>();
  /** By session, the place in the history where it was asked for. */
  readonly #asked = new Map<string, number>();
  /** By session, the login that replaced it and its place in the history. */
  readonly #replaced = new Map<string, { by: Of<"login">; n: number }>();

  /** @param options In ms, see {@linkcode CheckOptions}. */
  constructor(findings: Findings, { silence, crossing }: { silence: number; crossing: number }) {
    this.#crossing = crossing;
    this.#findings = findings;
    this.#silence = silence;
  }

  ask(event: Of<"logging in">, n: number): void {
    const { user: id, client, t } = event;
    this.#asked.set(sessionOf(event), n);
    const user = this.#user(id);
    for (const view of user.views.values()) this.#checkView(view, t);
    user.asking.add(client);
  }

  login(event: Of<"login">, n: number): void {
    const { user: id, device = "", client, t } = event;
    const session = sessionOf(event);
    const key = `${id} ${device}`;
    const before = this.#current.get(key);
    const user = this.#user(id);
    // Which of two logins that were asked for at the same time came last nobody knows.
    const isLast = before === undefined || (this.#asked.get(session) ?? n) > before.n;
    if (before !== undefined && before.session !== session && isLast) {
      this.#replaced.set(before.session, { by: event, n });
      user.sessions.delete(before.session);
    }
    for (const view of user.views.values()) this.#checkView(view, t);
    if (isLast) this.#current.set(key, { session, n });
    user.asking.delete(client);
    user.sessions.add(session);
    user.silent = false;
  }

  left(event: Of<"left">): void {
    const { user: id, client } = event;
    const user = this.#user(id);
    user.sessions.delete(sessionOf(event));
    user.asking.delete(client);
    if (event.how === "silent") user.silent = true;
    if (!isThere(user)) user.left = event;
    for (const of of this.#shown.get(client) ?? []) {
      const view = this.#user(of).views.get(client);
      if (view) this.#checkView(view, event.t);
      this.#user(of).views.delete(client);
    }
    this.#shown.delete(client);
  }

  presence(event: Of<"presence">): void {
    const { client, of, state, t } = event;
    const { views } = this.#user(of);
    const before = views.get(client);
    if (before) this.#checkView(before, t);
    if (state === "offline") {
      views.delete(client);
      this.#shown.get(client)?.delete(of);
      return;
    }
    this.#checkView(event, t);
    views.set(client, event);
    const shown = this.#shown.get(client) ?? new Set();
    this.#shown.set(client, shown.add(of));
  }

  /** The history ends. */
  finish(t: number): void {
    for (const { views } of this.#users.values()) for (const view of views.values()) this.#checkView(view, t);
  }

  /** The place in the history where the event's session was asked for, if that is known. */
  askedAt(event: ByClient): number | undefined {
    return this.#asked.get(sessionOf(event));
  }

  isReplaced(event: ByClient): boolean {
    return this.#replaced.has(sessionOf(event));
  }

  /** A session that another one has replaced is not acknowledged anything, and not pushed what was sent since. */
  served(event: Sighting, message: Message): void {
    const replaced = this.#replaced.get(sessionOf(event));
    if (!replaced || event.type === "read") return;
    const { t, user, log, conv, seq, mid } = event;
    const late = t - replaced.by.t;
    const isOwn = event.type === "ok" && sessionOf(message.last) === sessionOf(event);
    // Of two attempts of one session nobody knows which one is answered.
    const isFirst = sessionOf(message.invoke) === sessionOf(event);
    const since = isOwn && !isFirst ? message.lastN : message.n;
    const crossing = event.type === "shown" ? Infinity : this.#crossing;
    if (since < replaced.n && late <= crossing) return;
    const what = event.type === "ok" ? "acknowledged" : "pushed";
    this.#findings.doubt({
      ...{ breach: "served on", conv, seq, mid, t },
      why: `user ${user} is ${what} ${mid} ${Math.round(late)} ms after the login of another session`,
      excerpt: [replaced.by, isOwn ? message.last : message.invoke, event],
    }, { log });
  }

  #user(id: number): User {
    let user = this.#users.get(id);
    if (!user) {
      user = { sessions: new Set(), asking: new Set(), silent: false, views: new Map() };
      this.#users.set(id, user);
    }
    return user;
  }

  /** A client shows somebody as online until `t`. Nothing is said of users whose sessions are not in the history. */
  #checkView(view: Of<"presence">, t: number): void {
    const user = this.#user(view.of);
    const { left } = user;
    if (left === undefined || isThere(user)) return;
    const most = user.silent ? GHOST + this.#silence : GHOST;
    const since = t - left.t;
    if (since <= most) return;
    this.#findings.add({
      ...{ breach: "ghost", t: left.t },
      why: `client ${view.client} shows user ${view.of} as online ${
        Math.round(since)
      } ms after the last session`,
      excerpt: [left, view],
    });
  }
}
