import { Errno, Refusal } from "../errors.ts";
import type { Generation } from "../protocol/message_frame.ts";
import type { Reply } from "../protocol/messages.ts";
import { Msg } from "../protocol/msgid.ts";
import { answering, type ClientMsg, type Frame } from "../protocol/schemas.ts";
import type { Auth } from "../services/auth.ts";
import type { Chat } from "../services/chat.ts";
import type { Devices } from "../services/devices.ts";
import type { Events } from "../services/events.ts";
import type { Friends } from "../services/friends.ts";
import type { Groups } from "../services/groups.ts";
import type { History } from "../services/history.ts";
import type { Login } from "../services/login.ts";
import type { Members } from "../services/members.ts";
import type { Peer } from "../services/peer.ts";
import type { Receipts } from "../services/receipts.ts";
import type { Search } from "../services/search.ts";
import type { Session } from "../services/sessions.ts";

/** The services that requests go to. */
export interface Services {
  readonly auth: Auth;
  readonly login: Login;
  readonly devices: Devices;
  readonly chat: Chat;
  readonly events: Events;
  readonly friends: Friends;
  readonly groups: Groups;
  readonly history: History;
  readonly search: Search;
  readonly members: Members;
  readonly receipts: Receipts;
  readonly now: () => number;
}

/** A connection as a handler sees it. */
export interface Client {
  readonly peer: Peer;
  /** Undefined while nobody is logged in on it. */
  session: Session | undefined;
  /** The client is there: what was written last is delivered to those who send no receipts. */
  confirmWritten(): void;
}

type Handled = Promise<void> | void;

interface Common {
  /** The generation that knows this kind of frame. */
  readonly since: Generation;
  /**
   * `alone`: waits until the connection's earlier requests are answered, and later ones wait for it. `free`: any
   * number at once; the order of arrival is the order of what they do.
   */
  readonly order: "alone" | "free";
  /** How a refusal is worded where the request has an answer of its own; otherwise it is an ERROR. */
  readonly refused?: (refusal: Refusal) => Reply;
}

/** A kind of frame: what must hold before its handler runs, and the handler. */
export type Route<M extends ClientMsg> =
  & Common
  & (
    | {
      readonly login: true;
      readonly handle: (services: Services, session: Session, frame: Frame<M>) => Handled;
    }
    | {
      readonly login: false;
      readonly handle: (services: Services, client: Client, frame: Frame<M>) => Handled;
    }
  );

/** Every request there is. Its schema stands under the same number in `protocol/schemas.ts`. */
export const ROUTES: { readonly [M in ClientMsg]: Route<M> } = {
  [Msg.LOGIN]: {
    since: 1,
    login: false,
    order: "alone",
    refused: ({ errno, message, retryMs }) => ({
      msgid: Msg.LOGIN_ACK,
      errno,
      errmsg: message,
      ...(retryMs === undefined ? {} : { retry_ms: retryMs }),
    }),
    handle: async (services, client, frame) => {
      if (client.session) {
        throw new Refusal(Errno.LOGGED_IN, "somebody is logged in on this connection: log out first");
      }
      client.session = await services.login.logIn(frame, client.peer);
    },
  },
  [Msg.LOGOUT]: {
    since: 1,
    login: false,
    order: "alone",
    handle: async (services, client, frame) => {
      if (!client.session) throw new Refusal(Errno.LOG_IN_FIRST, "log in first");
      client.confirmWritten();
      await services.login.logOut(client.session, { isFinal: true });
      client.session = undefined;
      client.peer.reply({ msgid: Msg.LOGOUT_ACK, ...answering(frame) });
    },
  },
  [Msg.REGISTER]: {
    since: 1,
    login: false,
    order: "alone",
    refused: ({ errno, message }) => ({ msgid: Msg.REGISTER_ACK, errno, errmsg: message }),
    handle: async (services, client, frame) => {
      if ((frame.v ?? 1) >= 2) client.peer.generation = 2;
      const id = await services.auth.register(frame.name, frame.password);
      client.peer.reply({ msgid: Msg.REGISTER_ACK, errno: Errno.OK, id, ...answering(frame) });
    },
  },
  [Msg.CHAT]: {
    since: 1,
    login: true,
    order: "free",
    handle: (services, session, frame) => services.chat.toUser(session, frame),
  },
  [Msg.GROUP_CHAT]: {
    since: 1,
    login: true,
    order: "free",
    handle: (services, session, frame) => services.chat.toGroup(session, frame),
  },
  [Msg.FRIEND_REQUEST]: {
    since: 1,
    login: true,
    order: "free",
    handle: (services, session, frame) => services.friends.request(session, frame),
  },
  [Msg.FRIEND_RESPONSE]: {
    since: 1,
    login: true,
    order: "free",
    handle: (services, session, frame) => services.friends.respond(session, frame),
  },
  [Msg.CREATE_GROUP]: {
    since: 1,
    login: true,
    order: "alone",
    handle: (services, session, frame) => services.groups.create(session, frame),
  },
  [Msg.JOIN_GROUP]: {
    since: 1,
    login: true,
    order: "alone",
    handle: (services, session, frame) => services.groups.join(session, frame),
  },
  [Msg.RECEIPT]: {
    since: 2,
    login: true,
    order: "free",
    handle: (services, session, frame) => services.receipts.accept(session, frame),
  },
  [Msg.PING]: {
    since: 2,
    login: false,
    order: "free",
    handle: (services, client, frame) =>
      client.peer.reply({ msgid: Msg.PONG, at: services.now(), ...answering(frame) }),
  },
  [Msg.PONG]: {
    since: 2,
    login: false,
    order: "free",
    // That something came in is all there is to know.
    handle: () => {},
  },
  [Msg.HISTORY]: {
    since: 2,
    login: true,
    order: "alone",
    handle: (services, session, frame) => services.history.page(session, frame),
  },
  [Msg.EVENT]: {
    since: 2,
    login: true,
    order: "free",
    handle: (services, session, frame) => services.events.send(session, frame),
  },
  [Msg.DEVICES]: {
    since: 2,
    login: true,
    order: "alone",
    handle: (services, session, frame) => services.devices.handle(session, frame),
  },
  [Msg.MEMBERS]: {
    since: 2,
    login: true,
    order: "alone",
    handle: (services, session, frame) => services.members.page(session, frame),
  },
  [Msg.SEARCH]: {
    since: 2,
    login: true,
    order: "free",
    handle: (services, session, frame) => services.search.find(session, frame),
  },
};
