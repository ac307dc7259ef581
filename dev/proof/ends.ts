import type { Conversation, Message } from "./conversation.ts";
import type { Findings } from "./findings.ts";
import type { Of, Sighting } from "./history.ts";

/** Numbers that one client misses in one conversation and that are told one by one. */
const MAX_GAPS = 1000;

/** So long a client has to be there to have sent again all that an older database had lost, in ms. */
const RESENT = 5000;

/** The log that a client knew last, and from when to when, in ms. */
export interface Known {
  readonly log: string;
  readonly since: number;
  readonly until: number;
}

/** How a conversation of the last log ends. */
interface Last {
  readonly conversation: Conversation;
  /** The last number of all who are still in it. */
  readonly to: number;
  /** The end of a client that holds all from 1 to there, if there is one. */
  readonly whole: Of<"end"> | undefined;
}

/**
 * What clients end with: the same numbers without a gap, and among them what was acknowledged to anybody.
 * @param conversations By log and name.
 * @param options.logOf Which log a client knew last.
 * @returns The log with which they end; of how many acknowledged messages nobody who holds the whole conversation says
 * whether they are there; and how many went with a log that is not there any more, since their clients did not come back
 * to the next one, ended too soon after they did, or were refused there: who was a member may have gone with the log, too.
 */
export function checkEnds(
  conversations: ReadonlyMap<string, ReadonlyMap<string, Conversation>>,
  { messages, logOf, findings }: {
    messages: Iterable<Message>;
    logOf: (client: string) => Known | undefined;
    findings: Findings;
  },
): { log: string; unproven: number; gone: number } {
  const log = newestLog(conversations, findings);
  const lasts = new Map<string, Last>();
  for (const conversation of conversations.get(log)?.values() ?? []) {
    const last = checkConversation(conversation, findings);
    if (last) lasts.set(conversation.name, last);
  }
  let unproven = 0;
  let gone = 0;
  for (const message of messages) {
    if (message.ok === undefined) continue;
    const last = lasts.get(message.ok.conv);
    if (!last?.whole) unproven++;
    else if (isThere(message, last)) continue;
    else if (message.ok.log !== log && !mayBeBack(message, { log, logOf })) gone++;
    else tellLost(message, { ...last, whole: last.whole }, findings);
  }
  return { log, unproven, gone };
}

/** The log in which clients end; all in the same one. */
function newestLog(
  conversations: ReadonlyMap<string, ReadonlyMap<string, Conversation>>,
  findings: Findings,
): string {
  let newest: Of<"end"> | undefined;
  for (const end of [...conversations.values()].flatMap((byName) => [...byName.values()].flatMap(endsOf))) {
    if (newest && end.log !== newest.log) {
      const why = `client ${newest.client} ends with the log ${newest.log}, ${end.client} with ${end.log}`;
      findings.add({ breach: "ends differ", why, conv: end.conv, t: end.t, excerpt: [newest, end] });
    }
    if (!newest || end.t > newest.t) newest = end;
  }
  return newest?.log ?? "";
}

const endsOf = ({ holdings }: Conversation) => [...holdings.values()].flatMap(({ end }) => end ?? []);

function checkConversation(conversation: Conversation, findings: Findings): Last | undefined {
  const { name: conv, places, holdings } = conversation;
  for (const { end, held } of holdings.values()) if (end) checkHolding(conversation, { end, held, findings });
  for (const { end } of holdings.values()) if (end?.all) checkBegin(conversation, { end, findings });
  const members = endsOf(conversation).filter(({ member }) => member !== false);
  if (members.length === 0) return undefined;
  const furthest = members.reduce((a, b) => b.to > a.to ? b : a);
  for (const end of members) {
    if (end.to === furthest.to) continue;
    const why =
      `client ${furthest.client} ends at number ${furthest.to} of ${conv}, ${end.client} at ${end.to}`;
    findings.add({ breach: "ends differ", why, conv, seq: end.to, t: end.t, excerpt: [furthest, end] });
  }
  for (const [seq, { id, first }] of places) {
    // What only its sender was told of is looked for with all that was acknowledged.
    if (seq <= furthest.to || first.type === "ok") continue;
    const why =
      `client ${first.client} has seen ${id} as number ${seq} of ${conv}, which ends at ${furthest.to}`;
    findings.add({
      breach: "disappeared",
      why,
      conv,
      seq,
      mid: first.mid,
      t: first.t,
      excerpt: [first, furthest],
    });
  }
  return {
    conversation,
    to: furthest.to,
    whole: members.find(({ from, to }) => from <= 1 && to === furthest.to),
  };
}

/** A client holds what it says that it holds, and sees nothing after it has left. */
function checkHolding(
  { name: conv, places }: Conversation,
  { end, held, findings }: { end: Of<"end">; held: ReadonlyMap<number, Sighting>; findings: Findings },
): void {
  let gaps = 0;
  for (let seq = end.from; seq <= end.to && gaps < MAX_GAPS; seq++) {
    if (held.has(seq)) continue;
    gaps++;
    const first = places.get(seq)?.first;
    const why = `client ${end.client} ends without number ${seq} of ${conv}`;
    const t = first?.t ?? end.t;
    findings.add({ breach: "gap", why, conv, seq, mid: first?.mid, t, excerpt: [first, end] });
  }
  if (end.member !== false) return;
  for (const [seq, event] of held) {
    if (seq <= end.to) continue;
    const why = `client ${end.client} sees number ${seq} of ${conv}, which its user left after ${end.to}`;
    findings.add({ breach: "not theirs", why, conv, seq, t: event.t, excerpt: [event, end] });
  }
}

/** No client of a user sees what was said before the user was there. */
function checkBegin(
  { name: conv, holdings }: Conversation,
  { end, findings }: { end: Of<"end">; findings: Findings },
): void {
  for (const { user, held } of holdings.values()) {
    if (user !== end.user) continue;
    for (const [seq, event] of held) {
      // One's own may be older than that: it was written as a member whom an older database forgot.
      if (seq >= end.from || event.type === "ok") continue;
      const why =
        `client ${event.client} sees number ${seq} of ${conv}, which begins at ${end.from} for its user`;
      findings.add({ breach: "not theirs", why, conv, seq, t: event.t, excerpt: [event, end] });
    }
  }
}

/** Whether what was acknowledged in an earlier log could be sent again: its client was there, and was not refused. */
function mayBeBack(
  { invoke, refusal }: Message,
  { log, logOf }: { log: string; logOf: (client: string) => Known | undefined },
): boolean {
  const known = logOf(invoke.client);
  return known?.log === log && known.until - known.since >= RESENT && refusal === undefined;
}

function isThere({ id }: Message, { conversation, to }: Last): boolean {
  const seq = conversation.seqOf.get(id);
  return seq !== undefined && seq <= to;
}

function tellLost(
  { id, invoke, ok }: Message,
  { conversation, to, whole }: Last & { whole: Of<"end"> },
  findings: Findings,
): void {
  const { conv, seq: told, mid } = ok!;
  const instead = ok!.log === conversation.log && told <= to ? conversation.places.get(told) : undefined;
  const why = `${id} was acknowledged as number ${told} of ${conv}, ` +
    (instead ? `but that is ${instead.id}` : `and is not among the ${to} messages that it has at the end`);
  findings.add({
    breach: "lost",
    why,
    conv,
    seq: told,
    mid,
    t: invoke.t,
    excerpt: [invoke, ok, instead?.first, whole],
  });
}
