import { assertEquals, assertRejects } from "@std/assert";
import { FakeClock } from "./fake_clock.ts";
import { Link, type WireEvents } from "./link.ts";

/** A link on a network that the test controls. */
function start(random = 1) {
  const clock = new FakeClock();
  const heard: string[] = [];
  const sent: string[] = [];
  const net = { up: true, dials: 0, wires: [] as WireEvents[] };
  const link = new Link(
    (events) => {
      net.dials++;
      if (!net.up) return Promise.reject(new Error("refused"));
      net.wires.push(events);
      return Promise.resolve({ send: (line: string) => sent.push(line), close: () => {} });
    },
    {
      up: () => heard.push("up"),
      down: (cause) => heard.push(`down: ${cause}`),
      frame: (text) => heard.push(text),
    },
    { clock, random: () => random },
  );
  return { clock, heard, sent, net, link };
}

Deno.test("the first connection fails at once, with the sentence of who dialled", async () => {
  const { net, link, clock } = start();
  net.up = false;
  await assertRejects(() => link.start(), Error, "refused");
  await clock.pass(60_000);
  assertEquals(net.dials, 1);
});

Deno.test("a broken connection comes back, waiting twice as long after every failure", async () => {
  const { net, link, clock, heard } = start();
  await link.start();
  link.want(true);
  net.up = false;
  net.wires[0]!.closed("gone");
  await clock.pass(499);
  assertEquals(net.dials, 1);
  await clock.pass(1);
  assertEquals(net.dials, 2);
  await clock.pass(999);
  assertEquals(net.dials, 2);
  net.up = true;
  await clock.pass(1);
  assertEquals(heard, ["up", "down: gone", "down: refused", "up"]);
  assertEquals(link.isUp, true);
});

Deno.test("a connection that nobody wants stays broken until somebody does", async () => {
  const { net, link, clock } = start();
  await link.start();
  net.wires[0]!.closed("gone");
  await clock.pass(60_000);
  assertEquals(net.dials, 1);
  link.want(true);
  link.want(true);
  await clock.pass(1000);
  assertEquals(net.dials, 2);
});

Deno.test("after a goodbye the wait is what the server said, once", async () => {
  const { net, link, clock } = start(0);
  await link.start();
  link.want(true);
  link.pauseFor(3000);
  net.wires[0]!.closed("bye");
  await clock.pass(2999);
  assertEquals(net.dials, 1);
  await clock.pass(1);
  assertEquals(net.dials, 2);
  net.wires[1]!.closed("again");
  await clock.pass(0);
  assertEquals(net.dials, 3);
});

Deno.test("silence is broken by a ping after 30 s and ends the connection after 45 s", async () => {
  const { net, link, clock, heard, sent } = start();
  await link.start();
  await clock.pass(29_999);
  assertEquals(sent, []);
  await clock.pass(1);
  assertEquals(sent, ['{"msgid":14}']);
  net.wires[0]!.frame("pong");
  await clock.pass(44_999);
  assertEquals(link.isUp, true);
  await clock.pass(1);
  assertEquals(link.isUp, false);
  assertEquals(heard.at(-1), "down: the server has not answered for 45 s");
});

Deno.test("late events of an old connection are not news of the new one", async () => {
  const { net, link, clock, heard } = start(0);
  await link.start();
  link.want(true);
  net.wires[0]!.closed("gone");
  await clock.pass(0);
  net.wires[0]!.frame("late");
  net.wires[0]!.closed("late");
  assertEquals(heard, ["up", "down: gone", "up"]);
  link.stop();
  net.wires[1]!.closed("late");
  await clock.pass(60_000);
  assertEquals(net.dials, 2);
});
