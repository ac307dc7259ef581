import { assertEquals } from "@std/assert";
import type { Bus, BusEvents } from "./bus.ts";

/** Something that several buses connect to, one for each node. */
export interface BusFactory extends AsyncDisposable {
  connect(events: BusEvents): Promise<Bus>;
}

/** Long enough for a message on its way, in ms. */
const PATIENCE = 5000;

/** A node that notes what it hears. */
class Node {
  readonly heard: string[] = [];
  bus!: Bus;

  static async on(factory: BusFactory): Promise<Node> {
    const node = new Node();
    const message = (channel: string, payload: string) => void node.heard.push(`${channel} ${payload}`);
    node.bus = await factory.connect({ message, interrupted: () => {}, unsent: () => {} });
    return node;
  }

  async hears(count: number): Promise<string[]> {
    const deadline = Date.now() + PATIENCE;
    while (this.heard.length < count && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return this.heard;
  }
}

/** What {@linkcode Bus} promises, as tests of one adapter. */
export function busContract(
  adapter: string,
  create: () => Promise<BusFactory>,
  options: { ignore?: boolean } = {},
): void {
  const test = (name: string, run: (factory: BusFactory) => Promise<void>) =>
    Deno.test({
      name: `bus on ${adapter}: ${name}`,
      ignore: options.ignore ?? false,
      fn: async () => {
        await using factory = await create();
        await run(factory);
      },
    });

  test("who is subscribed hears, whoever publishes, and nobody else", async (factory) => {
    const [one, two, three] = [await Node.on(factory), await Node.on(factory), await Node.on(factory)];
    await one.bus.subscribe(["user:1", "group:5"]);
    await two.bus.subscribe(["user:2", "group:5"]);
    two.bus.publish("user:1", "from two");
    one.bus.publish("user:2", "from one");
    one.bus.publish("user:9", "to nobody");
    three.bus.publish("group:5", "to both");
    assertEquals((await one.hears(2)).toSorted(), ["group:5 to both", "user:1 from two"]);
    assertEquals((await two.hears(2)).toSorted(), ["group:5 to both", "user:2 from one"]);
    assertEquals(three.heard, []);
    for (const node of [one, two, three]) await node.bus.close();
  });

  test("after unsubscribing nothing comes; subscribing again brings it back", async (factory) => {
    const [one, two] = [await Node.on(factory), await Node.on(factory)];
    await one.bus.subscribe(["a", "b"]);
    await one.bus.subscribe(["a"]);
    one.bus.unsubscribe(["a"]);
    await one.bus.subscribe(["c"]);
    two.bus.publish("a", "not heard");
    two.bus.publish("b", "heard");
    assertEquals(await one.hears(1), ["b heard"]);
    await one.bus.subscribe(["a"]);
    one.bus.unsubscribe(["b", "never"]);
    await one.bus.subscribe([]);
    two.bus.publish("b", "not heard");
    two.bus.publish("a", "heard again");
    assertEquals(await one.hears(2), ["b heard", "a heard again"]);
    for (const node of [one, two]) await node.bus.close();
  });

  test("unsubscribing and at once subscribing again, without waiting, leaves it subscribed", async (factory) => {
    const [one, two] = [await Node.on(factory), await Node.on(factory)];
    for (let round = 0; round < 20; round++) {
      await one.bus.subscribe([`again ${round}`]);
      one.bus.unsubscribe([`again ${round}`]);
      await one.bus.subscribe([`again ${round}`]);
      two.bus.publish(`again ${round}`, "heard");
      assertEquals((await one.hears(round + 1)).length, round + 1);
    }
    for (const node of [one, two]) await node.bus.close();
  });

  test("payloads arrive as they were", async (factory) => {
    const [one, two] = [await Node.on(factory), await Node.on(factory)];
    await one.bus.subscribe(["x"]);
    const payloads = ["", "{}", "\0", "\r\n$5\r\n", "👩‍👩‍👧 שלום", "x".repeat(100_000)];
    for (const payload of payloads) two.bus.publish("x", payload);
    assertEquals(await one.hears(payloads.length), payloads.map((payload) => `x ${payload}`));
    for (const node of [one, two]) await node.bus.close();
  });

  test("many channels, many messages", async (factory) => {
    const [one, two] = [await Node.on(factory), await Node.on(factory)];
    const channels = Array.from({ length: 500 }, (_, i) => `user:${i}`);
    await one.bus.subscribe(channels);
    for (let i = 0; i < 2000; i++) two.bus.publish(channels[i % 500]!, `${i}`);
    assertEquals((await one.hears(2000)).length, 2000);
    assertEquals(one.bus.working, true);
    for (const node of [one, two]) await node.bus.close();
  });
}
