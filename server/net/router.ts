import { Errno, Refusal } from "../errors.ts";
import { Msg } from "../protocol/msgid.ts";
import { answeringRaw, checkFrame, type ClientMsg, parseFrame } from "../protocol/schemas.ts";
import { type Client, type Route, ROUTES, type Services } from "./routes.ts";
import type { Journal, Origin } from "../ops/journal.ts";
import type { InFlight } from "./in_flight.ts";
import type { TokenBucket } from "./limits.ts";

/** A connection as the router sees it. */
export interface RoutedClient extends Client {
  readonly origin: Origin;
  readonly inFlight: InFlight;
  readonly rate: TokenBucket;
  /** Requests so far that no client has reason to send. */
  faults: number;
}

/** Time after which trying again makes sense when something was not stored, in ms. */
const RETRY_MS = 1000;

/**
 * Takes one frame's text to its handler: msgid → route, preconditions, schema. Whatever goes wrong is one answer to
 * the sender and nothing else (I9).
 */
export class Router {
  readonly #services: Services;
  readonly #mayServe: () => boolean;
  readonly #isUnavailable: (error: unknown) => boolean;
  readonly #journal: Pick<Journal, "refused">;
  readonly #onDefect: (error: unknown) => void;
  /** Set while the server stops: every request is then answered by errno 110. */
  stopping = false;

  /**
   * @param mayServe Whether the sessions here are certainly still this node's; if not, requests are refused.
   * @param isUnavailable Tells errors of a store that cannot be reached from defects.
   * @param onDefect Is told of errors that are nobody's answer: they are answered by errno 108 as well.
   */
  constructor(
    services: Services,
    options: {
      mayServe: () => boolean;
      isUnavailable: (error: unknown) => boolean;
      journal: Pick<Journal, "refused">;
      onDefect: (error: unknown) => void;
    },
  ) {
    this.#services = services;
    this.#mayServe = options.mayServe;
    this.#isUnavailable = options.isUnavailable;
    this.#journal = options.journal;
    this.#onDefect = options.onDefect;
  }

  /** A promise if nothing further of this client may be looked at before it resolves. Never throws. */
  dispatch(client: RoutedClient, text: string): Promise<void> | undefined {
    let msgid: number | undefined;
    let body: Record<string, unknown> | undefined;
    try {
      const wait = client.rate.take();
      ({ msgid, body } = parseFrame(text));
      const route = this.#route(client, msgid);
      if (wait > 0) throw new Refusal(Errno.TOO_FAST, "too fast", { retryMs: wait });
      if (this.stopping) throw new Refusal(Errno.STOPPING, "the server is stopping", { retryMs: RETRY_MS });
      // That the client lives is true whoever serves it.
      if (msgid !== Msg.PONG && !this.#mayServe()) throw notStored();
      const parsed = { msgid, body, size: text.length };
      if (route.order === "alone") return this.#alone(client, route, parsed);
      const done = this.#handle(client, route, parsed);
      if (done instanceof Promise) this.#track(client, done, parsed);
    } catch (error) {
      this.#fail(client, error, { msgid, body });
    }
    return undefined;
  }

  #route(client: Client, msgid: number): Route<ClientMsg> {
    const route = Object.hasOwn(ROUTES, msgid) ? ROUTES[msgid as ClientMsg] as Route<ClientMsg> : undefined;
    if (!route || (route.since === 2 && client.session?.peer.generation === 1)) {
      throw new Refusal(Errno.UNKNOWN_MSGID, `unknown msgid ${msgid}`);
    }
    // Programs of the first generation know nothing of these.
    if (route.since === 2) client.peer.generation = 2;
    if (route.login && !client.session) throw new Refusal(Errno.LOG_IN_FIRST, "log in first");
    return route;
  }

  #handle(client: Client, route: Route<ClientMsg>, { msgid, body }: Parsed): Promise<void> | void {
    const frame = checkFrame(msgid as ClientMsg, body);
    if (!route.login) return route.handle(this.#services, client, frame);
    const { session } = client;
    if (!session) throw new Refusal(Errno.LOG_IN_FIRST, "log in first");
    return route.handle(this.#services, session, frame);
  }

  async #alone(client: RoutedClient, route: Route<ClientMsg>, parsed: Parsed): Promise<void> {
    await client.inFlight.idle();
    client.inFlight.start(parsed.size);
    try {
      await this.#handle(client, route, parsed);
    } catch (error) {
      this.#fail(client, error, parsed);
    } finally {
      client.inFlight.end(parsed.size);
    }
  }

  #track(client: RoutedClient, done: Promise<void>, parsed: Parsed): void {
    client.inFlight.start(parsed.size);
    done.then(
      () => client.inFlight.end(parsed.size),
      (error) => {
        this.#fail(client, error, parsed);
        client.inFlight.end(parsed.size);
      },
    );
  }

  #fail(client: RoutedClient, error: unknown, about: MaybeParsed): void {
    const refusal = this.#refusal(error);
    if (isFault(refusal)) client.faults++;
    this.#journal.refused(client.origin, {
      errno: refusal.errno,
      isLogin: about.msgid === Msg.LOGIN,
      who: about.body?.id ?? about.body?.name,
    });
    const route = Object.hasOwn(ROUTES, about.msgid ?? 0) ? ROUTES[about.msgid as ClientMsg] : undefined;
    // A frame that never got as far as its handler is an ERROR; what the handler refuses has its own answer. Programs of
    // the first generation wait for that answer whatever is wrong.
    if (route?.refused && (!isAboutFrame(refusal) || speaksV1(client, about))) {
      client.peer.reply({ ...route.refused(refusal), ...answeringRaw(about.body ?? {}) });
      return;
    }
    const mid = about.body?.mid;
    client.peer.reply({
      msgid: Msg.ERROR,
      errno: refusal.errno,
      errmsg: refusal.message,
      ...(about.msgid === undefined ? {} : { ref: about.msgid }),
      ...(typeof mid === "string" && mid.length <= 40 ? { mid } : {}),
      ...(refusal.retryMs === undefined ? {} : { retry_ms: refusal.retryMs }),
      ...answeringRaw(about.body ?? {}),
    });
  }

  #refusal(error: unknown): Refusal {
    if (error instanceof Refusal) return error;
    if (!this.#isUnavailable(error)) this.#onDefect(error);
    return notStored();
  }
}

const notStored = () =>
  new Refusal(Errno.NOT_STORED, "the server cannot use its database just now, try again", {
    retryMs: RETRY_MS,
  });

interface Parsed {
  readonly msgid: number;
  readonly body: Record<string, unknown>;
  /** Of the frame, in bytes; a UTF-16 unit counts as one. */
  readonly size: number;
}

/** What was found out about a frame before something failed. */
interface MaybeParsed {
  readonly msgid: number | undefined;
  readonly body: Record<string, unknown> | undefined;
}

/** Whether a client that means well does not send such a request. */
function isFault({ errno }: Refusal): boolean {
  return errno === Errno.BAD_FRAME || errno === Errno.UNKNOWN_MSGID || errno === Errno.LOG_IN_FIRST ||
    errno === Errno.TOO_FAST;
}

/** Whether a client has shown no sign of v2, in this frame or before. */
function speaksV1({ peer }: RoutedClient, { body }: MaybeParsed): boolean {
  return peer.generation === 1 && !(typeof body?.v === "number" && body.v >= 2);
}

function isAboutFrame({ errno }: Refusal): boolean {
  return errno === Errno.BAD_FRAME || errno === Errno.TOO_LONG || errno === Errno.TOO_FAST;
}
