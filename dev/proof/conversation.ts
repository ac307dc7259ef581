import type { Breach, Findings, Found } from "./findings.ts";
import type { Of, Sighting } from "./history.ts";

/** A message that a client sent, in whatever logs it is. */
export interface Message {
  /** Sender and mid. */
  readonly id: string;
  /** The first attempt. */
  readonly invoke: Of<"invoke">;
  /** The place of the first attempt in the history. */
  readonly n: number;
  /** The newest attempt, and its place in the history. */
  last: Of<"invoke">;
  lastN: number;
  attempts: number;
  /** How many of the attempts were refused for good, and the newest such refusal. */
  refusals: number;
  refusal?: Of<"refused">;
  /** The first acknowledgement. */
  ok?: Of<"ok">;
  /** Whether one of the attempts was made in a session that was not replaced at the time. */
  allowed: boolean;
}

/** A message as it was sent in one log. */
interface Sent {
  readonly message: Message;
  readonly first: Of<"invoke">;
  /** The place of the attempt that was acknowledged, and the acknowledgement. */
  okN?: number;
  ok?: Of<"ok">;
}

/** What one client holds. */
interface Holding {
  readonly user: number;
  /** By number, the event by which the client has it; the newest one. */
  readonly held: Map<number, Sighting>;
  shown?: Of<"shown">;
  /** The highest number that it was shown, had acknowledged, or was told that it has. */
  highest: number;
  end?: Of<"end">;
}

interface Place {
  readonly id: string;
  readonly first: Sighting;
}

const PAIR = /^u(\d+)-(\d+)$/;

/** One conversation of one log: which message has which number, and who holds what. */
export class Conversation {
  readonly log: string;
  readonly name: string;
  /** The numbers that have been seen. */
  readonly places = new Map<number, Place>();
  readonly seqOf = new Map<string, number>();
  readonly holdings = new Map<string, Holding>();
  readonly #sent = new Map<string, Sent>();
  /** By number, who was told first that its text is gone, and the place of that in the history. */
  readonly #recalls = new Map<number, { first: Of<"recalled">; n: number }>();
  /** By user and kind, the receipt that goes furthest. */
  readonly #receipts = new Map<string, Of<"receipt">>();
  readonly #mayGoBack: boolean;
  readonly #findings: Findings;
  readonly #pair: readonly number[] | undefined;
  /** Contradictions that have been told: each is told once, not once for each reader. */
  readonly #told = new Set<string>();

  /** @param options `mayGoBack`: whether the log may turn out to be another one. */
  constructor(
    log: string,
    { name, mayGoBack, findings }: { name: string; mayGoBack: boolean; findings: Findings },
  ) {
    this.log = log;
    this.#mayGoBack = mayGoBack;
    this.name = name;
    this.#findings = findings;
    this.#pair = PAIR.exec(name)?.slice(1).map(Number);
  }

  invoke(event: Of<"invoke">, message: Message): void {
    if (!this.#sent.has(message.id)) this.#sent.set(message.id, { message, first: event });
  }

  /** Somebody is told that a text is gone. */
  recalled(event: Of<"recalled">, n: number): void {
    if (!this.#recalls.has(event.ref)) this.#recalls.set(event.ref, { first: event, n });
  }

  /**
   * Somebody sees which message has a number.
   * @param about `id`: sender and mid; for what has no mid, what tells it apart. `since`: the place in the history where
   * the session that sees it was asked for.
   */
  see(
    event: Sighting,
    { id, message, since }: { id: string; message: Message | undefined; since: number },
  ): void {
    const { client, user, seq, type } = event;
    if (type !== "ok" && event.mid !== undefined && event.text !== undefined) this.#checkText(event, since);
    this.#members(event, event.type === "ok" ? [user] : [user, event.from]);
    this.#place(event, { id, named: event.mid !== undefined, message });
    const holding = this.holding(client, user);
    if (type === "shown") this.#shown(event, holding);
    holding.held.set(seq, event);
    holding.highest = Math.max(holding.highest, seq);
    const sent = type === "ok" ? this.#sent.get(id) : undefined;
    if (type === "ok" && sent && sent.ok === undefined) {
      sent.ok = event;
      sent.okN = sent.message.lastN;
    }
  }

  holding(client: string, user: number): Holding {
    let holding = this.holdings.get(client);
    if (!holding) this.holdings.set(client, holding = { user, held: new Map(), highest: 0 });
    return holding;
  }

  receipt(event: Of<"receipt">): void {
    const { client, user, seq, upTo, t } = event;
    const { highest, held } = this.holding(client, user);
    if (seq > highest) {
      const why = `user ${user} confirms number ${seq} of ${this.name}, but has number ${highest} at most`;
      this.#add("receipt", { why, seq, t, excerpt: [held.get(highest), event] });
    }
    const key = `${user} ${upTo}`;
    if (seq > (this.#receipts.get(key)?.seq ?? 0)) this.#receipts.set(key, event);
  }

  receiptSeen(event: Of<"receipt seen">): void {
    const { user, of, seq, upTo, t } = event;
    this.#members(event, [user, of]);
    const read = this.#receipts.get(`${of} read`);
    const delivered = upTo === "delivered" ? this.#receipts.get(`${of} delivered`) : undefined;
    const furthest = (delivered?.seq ?? 0) > (read?.seq ?? 0) ? delivered : read;
    // Of a client that sends no receipts the server tells how much it has written to it.
    const most = furthest?.seq ??
      Math.max(0, ...[...this.holdings.values()].map((one) => one.user === of ? one.highest : 0));
    if (seq <= most) return;
    const why = `user ${user} is told that ${of} has number ${seq} of ${this.name}, who confirmed ${most}`;
    this.#add("receipt", { why, seq, t, excerpt: [furthest, event] });
  }

  /** Each sender's messages stand in the order in which they were sent one after another. */
  checkOrder({ oneAtATime }: { oneAtATime: boolean }): void {
    const bySender = Map.groupBy(this.#sent.values(), ({ message }) => message.invoke.client);
    // What was written between the database's coming back and somebody's noticing it comes before what is sent again.
    const sinceOf = oneAtATime && !this.#mayGoBack
      ? ({ message }: Sent) => message.n
      : ({ okN }: Sent) => okN ?? Infinity;
    for (const sent of bySender.values()) this.#checkOrderOf(sent, sinceOf);
  }

  /**
   * A message comes before whatever was first sent after the attempt of it that counts. If that is the one that was
   * acknowledged, nothing is said of two of which the first was refused or cut off, and sent again after the second.
   */
  #checkOrderOf(sent: readonly Sent[], sinceOf: (sent: Sent) => number): void {
    const answered = sent.filter(({ okN }) => okN !== undefined).sort((a, b) => sinceOf(a) - sinceOf(b));
    const later = sent.toSorted((a, b) => a.message.n - b.message.n);
    let next = 0;
    let before: { sent: Sent; seq: number } | undefined;
    for (const one of later) {
      for (; next < answered.length && sinceOf(answered[next]!) < one.message.n; next++) {
        const seq = this.seqOf.get(answered[next]!.message.id);
        if (seq !== undefined && seq > (before?.seq ?? 0)) before = { sent: answered[next]!, seq };
      }
      const seq = this.seqOf.get(one.message.id);
      if (seq === undefined || before === undefined || seq > before.seq) continue;
      const { invoke: { user, mid } } = one.message;
      const earlier = before.sent;
      const why = `user ${user} sent ${earlier.message.invoke.mid} before ${mid}, ` +
        `but their numbers in ${this.name} are ${before.seq} and ${seq}`;
      const excerpt = [earlier.first, earlier.ok, one.first, this.places.get(seq)?.first];
      this.#doubt("order", { why, seq, mid, t: one.first.t, excerpt });
    }
  }

  #place(
    event: Sighting,
    { id, named, message }: { id: string; named: boolean; message: Message | undefined },
  ): void {
    const { seq, mid, t } = event;
    const place = this.places.get(seq);
    if (place?.id === id) return;
    if (place && this.#isNews(`${seq} ${id}`)) {
      const why = `number ${seq} of ${this.name} is ${place.id} for one client and ${id} for another one`;
      this.#doubt("moved", { why, seq, mid, t, excerpt: [message?.invoke, place.first, event] });
    }
    // What somebody has seen counts for more than what a sender was told.
    if (place && (place.first.type !== "ok" || event.type === "ok")) return;
    if (place && this.seqOf.get(place.id) === seq) this.seqOf.delete(place.id);
    this.places.set(seq, { id, first: event });
    if (!named) return;
    const other = this.seqOf.get(id);
    if (other === undefined) this.seqOf.set(id, seq);
    else if (this.#isNews(`${seq} ${id} twice`)) {
      const why = `${id} has the numbers ${other} and ${seq} in ${this.name}`;
      const excerpt = [message?.invoke, this.places.get(other)?.first, event];
      this.#doubt("stored twice", { why, seq, mid, t: message?.invoke.t ?? t, excerpt });
    }
  }

  #checkText(event: Exclude<Sighting, Of<"ok">>, since: number): void {
    const { user, seq, mid, t } = event;
    const recall = this.#recalls.get(seq);
    if (!recall || since < recall.n || !this.#isNews(`${seq} is read after its recall`)) return;
    const why =
      `user ${user} sees the text of number ${seq} of ${this.name} in a session that began after its recall`;
    this.#doubt("recalled", {
      why,
      seq,
      mid,
      t,
      excerpt: [this.places.get(seq)?.first, recall.first, event],
    });
  }

  #shown(event: Of<"shown">, holding: Holding): void {
    const { user, seq, mid, t } = event;
    const before = holding.held.get(seq);
    if (before && before.type !== "read" && before.mid === mid && !this.#isNotes) {
      const why = `user ${user} was made to show number ${seq} of ${this.name} twice`;
      this.#add("shown twice", { why, seq, mid, t, excerpt: [before, event] });
    } else if (holding.shown && seq < holding.shown.seq) {
      const why = `user ${user} was made to show number ${seq} of ${this.name} after ${holding.shown.seq}`;
      this.#doubt("shown late", { why, seq, mid, t, excerpt: [holding.shown, event] });
    }
    if (seq > (holding.shown?.seq ?? 0)) holding.shown = event;
  }

  /** In a conversation of two nobody else sees, is seen, or says anything. */
  #members(event: Sighting | Of<"receipt seen">, users: readonly number[]): void {
    const stranger = this.#pair && users.find((user) => !this.#pair!.includes(user));
    if (stranger === undefined) return;
    const why = `user ${event.user} sees something of ${stranger} in ${this.name}`;
    this.#add("not theirs", { why, seq: event.seq, t: event.t, excerpt: [event] });
  }

  /** What one writes to oneself is acknowledged and comes back. */
  get #isNotes(): boolean {
    return this.#pair !== undefined && this.#pair[0] === this.#pair[1];
  }

  #isNews(contradiction: string): boolean {
    if (this.#told.has(contradiction)) return false;
    this.#told.add(contradiction);
    return true;
  }

  #doubt(breach: Breach, found: Omit<Found, "breach" | "conv">): void {
    this.#findings.doubt({ breach, conv: this.name, ...found }, { log: this.log });
  }

  #add(breach: Breach, found: Omit<Found, "breach" | "conv">): void {
    this.#findings.add({ breach, conv: this.name, ...found });
  }
}
