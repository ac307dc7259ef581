import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { FakeClock } from "./fake_clock.ts";
import { Link, type Server, type WireEvents } from "./link.ts";

/** A link on a network that the test controls. */
function start(random = 1, greets = true) {
  const clock = new FakeClock();
  const heard: string[] = [];
  const sent: string[] = [];
  const net = { up: true, dials: 0, wires: [] as WireEvents[] };
  const link = new Link(
    [{
      name: "here:1",
      dial: (events) => {
        net.dials++;
        if (!net.up) return Promise.reject(new Error("refused"));
        net.wires.push(events);
        let isFirst = greets && net.wires.length === 1;
        const send = (line: string) => {
          if (isFirst) events.frame('{"msgid":15}');
          else sent.push(line);
          isFirst = false;
        };
        return Promise.resolve({ send, close: () => {} });
      },
    }],
    {
      up: () => heard.push("up"),
      down: (cause) => heard.push(`down: ${cause}`),
      frame: (text) => greets && text.includes("15") || heard.push(text),
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

Deno.test("what answers with something else, or closes, is not a chat server", async () => {
  const signs: [(events: WireEvents) => void, RegExp][] = [
    [
      (events) => events.closed("closed by the other side"),
      /^here:1 is not a chat server \(closed by the other side\)/,
    ],
    [
      (events) => events.frame('{"jsonrpc":"2.0"}'),
      /^here:1 is not a chat server \(it sends something else\)/,
    ],
  ];
  for (const [sign, sentence] of signs) {
    const { net, link, clock } = start(1, false);
    const starting = assertRejects(() => link.start(), Error);
    await clock.pass(0);
    sign(net.wires[0]!);
    assertMatch((await starting).message, sentence);
    await clock.pass(60_000);
    assertEquals([net.dials, link.isUp], [1, false]);
  }
});

Deno.test("a server that does not answer the ping is an old one: a sentence says so, and nothing else is sent", async () => {
  const { link, net, clock, sent } = start(1, false);
  const starting = assertRejects(
    () => link.start(),
    Error,
    "here:1 does not answer this client: it is an older",
  );
  await clock.pass(4999);
  assertEquals(link.isUp, true);
  await clock.pass(1);
  await starting;
  await clock.pass(60_000);
  assertEquals([sent, net.dials, link.isUp], [['{"msgid":14}'], 1, false]);
});

Deno.test("of several places the first chat server is taken; if there is none one sentence names them all", async () => {
  const clock = new FakeClock();
  const sites = new Map([["a:1", "refuses"], ["b:1", "closes"], ["c:1", "greets"]]);
  const dialled: string[] = [];
  const server = (name: string): Server => ({
    name,
    dial: (events) => {
      dialled.push(name);
      if (sites.get(name) === "refuses") return Promise.reject(new Error("refused"));
      const send = () => {
        if (sites.get(name) === "greets") events.frame('{"msgid":15}');
        if (sites.get(name) === "closes") events.closed("gone");
      };
      return Promise.resolve({ send, close: () => {} });
    },
  });
  const events = { up: () => {}, down: () => {}, frame: () => {} };
  const link = new Link(["a:1", "b:1", "c:1"].map(server), events, { clock, random: () => 0 });
  assertEquals((await link.start()).name, "c:1");
  link.want(true);
  link.drop("test");
  await clock.pass(0);
  assertEquals(dialled, ["a:1", "b:1", "c:1", "c:1"]);
  const nobody = new Link(["a:1", "b:1"].map(server), events, { clock, random: () => 0 });
  await assertRejects(() => nobody.start(), Error, "no chat server at a:1 or b:1");
  sites.set("b:1", "is silent");
  const old = assertRejects(
    () => new Link(["a:1", "b:1"].map(server), events, { clock, random: () => 0 }).start(),
    Error,
    "b:1 does not answer this client",
  );
  await clock.pass(5000);
  await old;
});
