import { assert, assertEquals, assertRejects } from "@std/assert";
import { busContract } from "../../server/bus/contract_suite.ts";
import { REDIS_COMMANDS } from "../../server/bounds.ts";
import type { BusEvents } from "../../server/bus/bus.ts";
import { RedisBus } from "../../server/bus/redis.ts";
import { StartupError } from "../../server/errors.ts";
import { freePort, haveServices, startRedis } from "../services.ts";

const services = await haveServices();
const ignore = !services.ok;

let nodes = 0;
const open = (url: string, events: BusEvents, changes: boolean[] = []) =>
  RedisBus.open({
    url,
    prefix: "chat:test:",
    node: `n${nodes++}`,
    wait: 0,
    events,
    onChange: (working) => changes.push(working),
  });

busContract("Redis", async () => {
  const redis = await startRedis();
  return {
    connect: (events) => open(redis.url, events),
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  };
}, { ignore });

async function until(holds: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

Deno.test({
  name: "bus on Redis: survives kill -9, a frozen Redis, and a subscriber that is cut off; says when",
  ignore,
  fn: async () => {
    await using redis = await startRedis();
    const heard: string[] = [];
    const changes: boolean[] = [];
    let unsent = 0;
    let interruptions = 0;
    const bus = await open(redis.url, {
      message: (channel, payload) => heard.push(`${channel} ${payload}`),
      interrupted: () => interruptions++,
      unsent: () => unsent++,
    }, changes);
    await bus.subscribe(["kept", "dropped"]);
    const publishes = async (what: string) => {
      bus.publish("kept", what);
      await until(() => heard.includes(`kept ${what}`), what);
    };
    await publishes("before");

    await redis.kill("SIGKILL");
    await until(() => !bus.working, "it is noticed");
    bus.publish("kept", "lost");
    await bus.subscribe(["new"]);
    bus.unsubscribe(["dropped"]);
    await redis.start();
    await until(() => bus.working, "it works again");
    assertEquals([interruptions, unsent], [1, 1]);
    await publishes("after the kill");
    bus.publish("dropped", "not wanted");
    bus.publish("new", "wanted");
    await until(() => heard.includes("new wanted"), "the subscription made meanwhile");

    redis.pause();
    await until(() => !bus.working, "it is frozen");
    await bus.subscribe(["while frozen"]);
    redis.resume();
    await until(() => bus.working, "it goes on");
    // Once for the freeze, and perhaps once for the subscription that was late.
    assert(interruptions >= 2);
    const before = interruptions;
    await publishes("after the freeze");

    await redis.cli("CLIENT", "KILL", "TYPE", "pubsub");
    await until(() => interruptions > before, "the subscriber comes back");
    await publishes("after the cut");
    assertEquals(heard.filter((text) => /lost|not wanted/.test(text)), []);
    assertEquals(changes.slice(0, 4), [false, true, false, true]);
    await bus.close();
  },
});

Deno.test({
  name: "bus on Redis: what cannot be reached at start is a sentence with host, port and cause",
  ignore,
  fn: async () => {
    const port = freePort();
    const events = { message: () => {}, interrupted: () => {}, unsent: () => {} };
    const url = `redis://:not-to-be-seen@127.0.0.1:${port}`;
    const refused = await assertRejects(
      () => open(url, events),
      StartupError,
      `127.0.0.1:${port}: connection refused`,
    );
    assertEquals(refused.message.includes("not-to-be-seen"), false);
    await using redis = await startRedis();
    await redis.cli("CONFIG", "SET", "requirepass", "secret");
    await assertRejects(
      () => open(redis.url.replace("//", "//:wrong@"), events),
      StartupError,
      "access denied",
    );
    const bare = `redis://127.0.0.1:${redis.port}`;
    await assertRejects(() => open(bare, events), StartupError, "access denied");
  },
});

Deno.test({
  name: "bus on Redis: what waits for a Redis that hangs is bounded in bytes, and so is the time to close",
  ignore,
  fn: async () => {
    await using redis = await startRedis();
    let unsent = 0;
    const bus = await open(redis.url, { message: () => {}, interrupted: () => {}, unsent: () => unsent++ });
    redis.pause();
    const payload = "x".repeat(100_000);
    const sent = 4 * REDIS_COMMANDS / payload.length;
    for (let i = 0; i < sent; i++) bus.publish("c", payload);
    assert(unsent > sent / 2, `${unsent} of ${sent} were not taken`);
    const began = performance.now();
    await bus.close();
    assert(performance.now() - began < 5000);
    redis.resume();
  },
});
