import { assertEquals } from "@std/assert";
import { Errno } from "../errors.ts";
import { Journal } from "./journal.ts";
import { Logger } from "./logger.ts";
import { Outage } from "./outage.ts";

function setUp() {
  const lines: string[] = [];
  const clock = { now: 0 };
  const log = new Logger({ level: "info", write: (line) => lines.push(line.slice(25, -1)), now: () => 0 });
  return { lines, clock, log, journal: new Journal(log, { now: () => clock.now }) };
}

const origin = { hostname: "192.0.2.1", port: 4711 };

Deno.test("journal: who comes and goes is a line each, with user and connection", () => {
  const { journal, lines } = setUp();
  journal.loggedIn(origin, { user: 7, generation: 2 });
  journal.refused(origin, { errno: Errno.DENIED, isLogin: true, who: "ann\nb" });
  journal.refused({ hostname: "::1", port: 1 }, { errno: Errno.LOGGED_IN, isLogin: true, who: 7 });
  journal.loggedOut(origin, { user: 7, reason: "closed" });
  assertEquals(lines, [
    "info  logged in user=7 connection=192.0.2.1:4711 v=2",
    'info  login failed user="ann\\nb" connection=192.0.2.1:4711 reason="no such user or wrong password or token"',
    'info  login failed user=7 connection="[::1]:1" reason="already logged in"',
    "info  logged out user=7 connection=192.0.2.1:4711 reason=closed",
  ]);
});

Deno.test("journal: a limit is told once a minute for each address and limit", () => {
  const { journal, lines, clock } = setUp();
  const hit = (hostname: string) =>
    journal.refused({ hostname, port: 1 }, { errno: Errno.TOO_FAST, isLogin: false });
  for (let i = 0; i < 1000; i++) hit("192.0.2.1");
  hit("192.0.2.2");
  journal.refused(origin, { errno: Errno.TOO_MANY, isLogin: true });
  assertEquals(lines.length, 3);
  clock.now = 60_000;
  hit("192.0.2.1");
  assertEquals(lines.length, 4);
});

Deno.test("journal: refusals of other requests are nobody's news; guessing does not fill the log", () => {
  const { journal, lines } = setUp();
  journal.refused(origin, { errno: Errno.DENIED, isLogin: false });
  journal.refused(origin, { errno: Errno.NOT_STORED, isLogin: true });
  assertEquals(lines, []);
  for (let i = 0; i < 1000; i++) journal.refused(origin, { errno: Errno.DENIED, isLogin: true, who: i });
  assertEquals(lines.length, 30);
});

Deno.test("outage: one line when it begins, one with its duration when it is over", () => {
  const { log, lines, clock } = setUp();
  const outage = new Outage({ log, began: "away", ended: "back", now: () => clock.now });
  outage.end();
  for (const cause of ["refused", "timeout"]) outage.begin(cause);
  clock.now = 1500;
  for (let i = 0; i < 2; i++) outage.end();
  outage.begin("again");
  assertEquals(lines, ["warn  away cause=refused", "info  back after_ms=1500", "warn  away cause=again"]);
});
