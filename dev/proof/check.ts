// deno-lint-ignore-file no-console -- also a command-line tool
/**
 * The claim, checked from histories of clients alone: for every conversation, what every client ends with is the same
 * gap-free 1…n; it holds every message whose acknowledgement any client received, exactly once, however often and to
 * whichever node it was sent again, each sender's in the order sent; nothing that a client has seen moves or disappears.
 *
 *     deno run --allow-read dev/proof/check.ts FILE…
 */
import { Conversation, type Message } from "./conversation.ts";
import { checkEnds, type Known } from "./ends.ts";
import { type Breach, Findings, type Violation } from "./findings.ts";
import { type Event, HistoryError, isPassing, type Of, readHistory, type Sighting } from "./history.ts";
import { Sessions } from "./sessions.ts";

export interface CheckOptions {
  /** Called as soon as a violation is known. Most are known only at the end. */
  readonly onViolation?: (violation: Violation) => void;
  /** For how long the server waits for a client that has fallen silent, in ms. */
  readonly silence?: number;
  /** How much later than its session was replaced a client may read what had been acknowledged before, in ms. */
  readonly crossing?: number;
  /**
   * Whether the database may come back older, true if left out. Only at the end is it known then what two messages under
   * one number mean.
   */
  readonly mayGoBack?: boolean;
  /**
   * Whether clients send the next message of a conversation only when the one before is acknowledged, false if left out.
   * Then they stand in the order in which they were first sent, whatever was refused or cut off in between.
   */
  readonly oneAtATime?: boolean;
}

/** How much was checked. */
export interface Counts {
  events: number;
  clients: number;
  logs: number;
  conversations: number;
  /** Messages, and how often they were sent in all. */
  sent: number;
  attempts: number;
  acknowledged: number;
  /** Neither acknowledged nor always refused: they may be there once, or not at all. */
  unknown: number;
  refused: number;
  /** Acknowledged, but no client that holds the whole conversation at the end says whether they are there. */
  unproven: number;
  /**
   * Acknowledged in a log that is not there any more, since its database came back older. Clients send such messages
   * again, so these are only those whose client did not come back, or was refused: its membership had gone, too.
   */
  gone: number;
  /** How often a client saw a message, and how many numbers were seen. */
  sightings: number;
  entries: number;
  receipts: number;
  presence: number;
}

export interface Verdict {
  readonly counts: Counts;
  /** The log with which clients end; empty if none says. */
  readonly log: string;
  readonly breaches: ReadonlyMap<Breach, number>;
  /** The first 1,000. */
  readonly violations: readonly Violation[];
  /** The violations in words, each breach once with the shortest excerpt that shows it; empty if there are none. */
  readonly text: string;
}

const CLIENT_TIMEOUT = 90_000;
const CROSSING = 1000;
/** How long it takes until it is noticed that a database came back older, in ms. */
const NOTICED = 10_000;

/** Checks a whole history. */
export function check(history: Iterable<Event>, options: CheckOptions = {}): Verdict {
  const checker = new Checker(options);
  for (const event of history) checker.add(event);
  return checker.finish();
}

/** Checks a history while it is written. */
export class Checker {
  readonly #mayGoBack: boolean;
  readonly #oneAtATime: boolean;
  readonly #findings: Findings;
  readonly #sessions: Sessions;
  readonly #messages = new Map<string, Message>();
  readonly #logs = new Map<string, Map<string, Conversation>>();
  readonly #clients = new Set<string>();
  /** By log, in the order of their appearance, when somebody first knew of it. */
  readonly #logsSince = new Map<string, number>();
  /** The log that each client knew last, and for how long. */
  readonly #logOf = new Map<string, Known>();
  /** What was seen of which nobody knows who sent it, and what is other than it was sent: each is told once. */
  readonly #told = new Set<string>();
  readonly #seen = { sightings: 0, receipts: 0, presence: 0 };
  #n = 0;
  #t = 0;

  constructor(
    { onViolation, silence = CLIENT_TIMEOUT, crossing = CROSSING, mayGoBack = true, oneAtATime = false }:
      CheckOptions = {},
  ) {
    this.#mayGoBack = mayGoBack;
    this.#oneAtATime = oneAtATime;
    this.#findings = new Findings({ onViolation, mayGoBack });
    this.#sessions = new Sessions(this.#findings, { silence, crossing });
  }

  add(event: Event): void {
    this.#n++;
    this.#t = event.t;
    if (event.type === "note") return;
    this.#clients.add(event.client);
    if ("log" in event) {
      const known = this.#logOf.get(event.client);
      const since = known?.log === event.log ? known.since : event.t;
      // Who says what it ends with stays until the end.
      const until = event.type === "end" ? Infinity : event.t;
      this.#logOf.set(event.client, { log: event.log, since, until });
      if (!this.#logsSince.has(event.log)) this.#logsSince.set(event.log, event.t);
    }
    switch (event.type) {
      case "invoke":
        return this.#invoke(event);
      case "ok":
      case "shown":
      case "read":
        return this.#see(event);
      case "refused":
        return this.#refused(event);
      case "unknown":
        return;
      case "recalled":
        return this.#conversation(event).recalled(event, this.#n);
      case "receipt":
        this.#seen.receipts++;
        return this.#conversation(event).receipt(event);
      case "receipt seen":
        this.#seen.receipts++;
        return this.#conversation(event).receiptSeen(event);
      case "presence":
        this.#seen.presence++;
        return this.#sessions.presence(event);
      case "logging in":
        return this.#sessions.ask(event, this.#n);
      case "login":
        return this.#login(event);
      case "left":
        return this.#sessions.left(event);
      case "end":
        this.#conversation(event).holding(event.client, event.user).end = event;
    }
  }

  /** The history ends here; called once. */
  finish(): Verdict {
    this.#sessions.finish(this.#t);
    for (const conversation of this.#conversations()) {
      conversation.checkOrder({ oneAtATime: this.#oneAtATime });
    }
    this.#findings.settle((log) => this.#voidSince(log));
    this.#checkRefused();
    const { log, unproven, gone } = checkEnds(this.#logs, {
      messages: this.#messages.values(),
      logOf: (client) => this.#logOf.get(client),
      findings: this.#findings,
    });
    return {
      counts: this.#counts({ unproven, gone }),
      log,
      breaches: this.#findings.counts,
      violations: this.#findings.kept,
      text: this.#findings.tell(),
    };
  }

  /** Which message has which number in a log, as clients saw it. */
  *places(log: string): Generator<{ conv: string; seq: number; event: Sighting }> {
    for (const { name, places } of this.#logs.get(log)?.values() ?? []) {
      for (const [seq, { first }] of places) yield { conv: name, seq, event: first };
    }
  }

  #invoke(event: Of<"invoke">): void {
    const { user, mid } = event;
    const id = `${user} ${mid}`;
    let message = this.#messages.get(id);
    const n = this.#n;
    if (!message) {
      message = { id, invoke: event, n, last: event, lastN: n, attempts: 0, refusals: 0, allowed: false };
      this.#messages.set(id, message);
    } else if (event.conv !== message.invoke.conv || event.text !== message.invoke.text) {
      const { conv, t } = event;
      const why = `its own client sends ${id} again with another text, or to another conversation`;
      this.#findings.add({ breach: "altered", why, conv, mid, t, excerpt: [message.invoke, event] });
    }
    message.last = event;
    message.lastN = n;
    message.attempts++;
    message.allowed ||= !this.#sessions.isReplaced(event);
    this.#conversation(event).invoke(event, message);
  }

  #see(event: Sighting): void {
    this.#seen.sightings++;
    const { user, mid } = event;
    const from = event.type === "ok" ? user : event.from;
    const since = this.#sessions.askedAt(event) ?? this.#n;
    if (event.type !== "ok" && mid === undefined) {
      const id = `${from}: ${event.text ?? "(no text)"}`;
      return this.#conversation(event).see(event, { id, message: undefined, since });
    }
    const id = `${from} ${mid}`;
    const message = this.#messages.get(id);
    if (message) this.#compare(event, message);
    else this.#once("from nowhere", { event, excerpt: [event], why: `${id} was never sent` });
    this.#conversation(event).see(event, { id, message, since });
    if (event.type === "ok" && message) message.ok ??= event;
  }

  #compare(event: Sighting, message: Message): void {
    const { conv, text } = message.invoke;
    const isOther = event.conv !== conv ||
      (event.type !== "ok" && event.text !== undefined && text !== undefined && event.text !== text);
    if (isOther) {
      const why = `${message.id} is not what was sent, or not where`;
      this.#once("altered", { event, excerpt: [message.invoke, event], why });
    }
    if (!message.allowed && this.#isNews("served on", event)) {
      const { conv, seq, mid, t } = event;
      const why = `${message.id} was sent only by a session that had been replaced, and is there`;
      const { log, t: at } = message.last;
      // A lease that went with the newest entries lets two sessions live until that is noticed.
      this.#findings.doubt(
        { breach: "served on", conv, seq, mid, t, why, excerpt: [message.invoke, event] },
        {
          log,
          at,
        },
      );
    }
    this.#sessions.served(event, message);
  }

  #refused({ user, mid, ...rest }: Of<"refused">): void {
    const message = this.#messages.get(`${user} ${mid}`);
    if (!message || isPassing(rest.errno)) return;
    message.refusals++;
    message.refusal = { user, mid, ...rest };
  }

  #login(event: Of<"login">): void {
    this.#sessions.login(event, this.#n);
    for (const [conv, seq] of Object.entries(event.delivered ?? {})) {
      const holding = this.#conversation({ log: event.log, conv }).holding(event.client, event.user);
      holding.highest = Math.max(holding.highest, seq);
    }
  }

  /** Since when what was said in a log is void, since its database had come back older. */
  #voidSince(log: string): number {
    const logs = [...this.#logsSince];
    const next = logs[logs.findIndex(([name]) => name === log) + 1];
    return next ? next[1] - NOTICED : Infinity;
  }

  #checkRefused(): void {
    for (const { id, invoke, attempts, refusals, refusal, ok } of this.#messages.values()) {
      if (ok || refusals < attempts) continue;
      for (const byName of this.#logs.values()) {
        const conversation = byName.get(invoke.conv);
        const seq = conversation?.seqOf.get(id);
        if (seq === undefined) continue;
        const { conv, mid, t } = invoke;
        const why = `${id} was refused with ${refusal?.errno} each time, and is number ${seq} of ${conv}`;
        const excerpt = [invoke, refusal, conversation?.places.get(seq)?.first];
        this.#findings.add({ breach: "refused", why, conv, seq, mid, t, excerpt });
      }
    }
  }

  /** Each message once, however many see it. */
  #once(
    breach: Breach,
    { event, ...found }: { event: Sighting; why: string; excerpt: readonly Event[] },
  ): void {
    if (!this.#isNews(breach, event)) return;
    const { conv, seq, mid, t } = event;
    this.#findings.add({ breach, conv, seq, mid, t, ...found });
  }

  #isNews(breach: Breach, { log, conv, seq, mid }: Sighting): boolean {
    const key = `${breach} ${log} ${conv} ${seq} ${mid}`;
    if (this.#told.has(key)) return false;
    this.#told.add(key);
    return true;
  }

  #conversation({ log, conv }: { log: string; conv: string }): Conversation {
    let byName = this.#logs.get(log);
    if (!byName) this.#logs.set(log, byName = new Map());
    let conversation = byName.get(conv);
    if (!conversation) {
      byName.set(
        conv,
        conversation = new Conversation(log, {
          name: conv,
          mayGoBack: this.#mayGoBack,
          findings: this.#findings,
        }),
      );
    }
    return conversation;
  }

  *#conversations(): Generator<Conversation> {
    for (const byName of this.#logs.values()) yield* byName.values();
  }

  #counts({ unproven, gone }: Pick<Counts, "unproven" | "gone">): Counts {
    const messages = [...this.#messages.values()];
    const acknowledged = messages.filter(({ ok }) => ok !== undefined).length;
    const refused = messages.filter(({ ok, attempts, refusals }) => !ok && refusals >= attempts).length;
    const conversations = [...this.#conversations()];
    return {
      events: this.#n,
      clients: this.#clients.size,
      logs: this.#logs.size,
      conversations: new Set(conversations.map(({ name }) => name)).size,
      sent: messages.length,
      attempts: messages.reduce((sum, { attempts }) => sum + attempts, 0),
      acknowledged,
      unknown: messages.length - acknowledged - refused,
      refused,
      unproven,
      gone,
      entries: conversations.reduce((sum, { places }) => sum + places.size, 0),
      ...this.#seen,
    };
  }
}

/** The verdict as people read it. */
export function tell({ counts, text }: Verdict): string {
  const figures = Object.entries(counts).map(([name, count]) => `${name} ${count}`).join(", ");
  return `${text === "" ? "the claim holds" : text}\n${figures}`;
}

async function main(paths: readonly string[]): Promise<number> {
  if (paths.length === 0) {
    console.error("usage: deno run --allow-read dev/proof/check.ts FILE…");
    return 2;
  }
  let failed = 0;
  for (const path of paths) {
    const checker = new Checker();
    try {
      for await (const event of readHistory(path)) checker.add(event);
    } catch (error) {
      if (!(error instanceof HistoryError || error instanceof Deno.errors.NotFound)) throw error;
      console.error(`${path}: ${error.message}`);
      return 2;
    }
    const verdict = checker.finish();
    if (verdict.text !== "") failed++;
    console.log(`${path}: ${tell(verdict)}`);
  }
  return failed > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
