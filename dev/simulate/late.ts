import type { Event, Of } from "../proof/history.ts";
import type { Fault, Planned, Schedule } from "./schedule.ts";

/** How soon after its acknowledgement a message is shown on other nodes when the bus does not work (I5), in ms. */
const WITHOUT_BUS = 3000;
/** And when the bus works, as far as anybody can tell, and loses some of what it carries (I10). */
const WITHOUT_HINT = 30_000;
/** For how long what else went wrong may be felt. */
const AFTERMATH = 12_000;
/** How long a client that has just logged in has enough to do. */
const SETTLING = 1000;

const BUS: ReadonlySet<Fault["kind"]> = new Set(["bus away", "bus split", "bus flaky"]);
/** What concerns one client, which is known by its logins, or nobody. */
const HARMLESS: ReadonlySet<Fault["kind"]> = new Set(["clock", "cut", "relogin", "reprogram"]);

/**
 * Messages that a client was shown too late although it was logged in all the time and nothing but the bus had gone
 * wrong; a sentence for the first one. That nothing is missing in the end does not say that anybody looked in time.
 */
export function lateOnes(history: readonly Event[], { faults }: Schedule): string[] {
  const acknowledged = new Map<string, Of<"ok">>();
  const loggedIn = new Map<string, number>();
  for (const event of history) {
    if (event.type === "ok") acknowledged.set(placeOf(event), event);
    else if (event.type === "login") loggedIn.set(event.client, event.t);
    if (event.type !== "shown") continue;
    const ok = acknowledged.get(placeOf(event));
    const since = loggedIn.get(event.client) ?? Infinity;
    if (!ok || since > ok.t - SETTLING) continue;
    const late = event.t - ok.t;
    if (late <= WITHOUT_BUS || late <= limitAt(ok.t, faults)) continue;
    const { client, conv, seq } = event;
    const seconds = (late / 1000).toFixed(1);
    return [`late: ${client} is shown number ${seq} of ${conv} ${seconds} s after it was acknowledged`];
  }
  return [];
}

const placeOf = ({ log, conv, seq }: Of<"ok" | "shown">) => `${log} ${conv} ${seq}`;

/** Whether wake-ups are lost without a trace: a split that ends soon, or that another one changes, is not noticed. */
const losesUnnoticed = ({ kind }: Fault) => kind === "bus flaky" || kind === "bus split";

/** How long what is acknowledged at `t` may take. */
function limitAt(t: number, faults: readonly Planned[]): number {
  const disturbs = ({ at, fault }: Planned, limit: number) =>
    at <= t + limit && at + ("for" in fault ? fault.for : 0) + AFTERMATH >= t;
  const isUnnoticed = faults.some((one) => losesUnnoticed(one.fault) && disturbs(one, WITHOUT_BUS));
  const limit = isUnnoticed ? WITHOUT_HINT : WITHOUT_BUS;
  const others = faults.filter(({ fault: { kind } }) => !BUS.has(kind) && !HARMLESS.has(kind));
  return others.some((one) => disturbs(one, limit)) ? Infinity : limit;
}
