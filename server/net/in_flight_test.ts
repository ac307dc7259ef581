import { assertEquals } from "@std/assert";
import { IN_FLIGHT } from "../bounds.ts";
import { InFlight } from "./in_flight.ts";

Deno.test("in flight: waits for the number that is asked for", async () => {
  const inFlight = new InFlight();
  assertEquals([inFlight.room(), inFlight.idle()], [undefined, undefined]);
  for (let i = 0; i < IN_FLIGHT.requests; i++) inFlight.start(1);
  const order: string[] = [];
  const idle = inFlight.idle()?.then(() => order.push("idle"));
  const room = inFlight.room()?.then(() => order.push("room"));
  inFlight.end(1);
  await room;
  assertEquals([order, inFlight.count], [["room"], IN_FLIGHT.requests - 1]);
  while (inFlight.count > 0) inFlight.end(1);
  await idle;
  assertEquals(order, ["room", "idle"]);
});

Deno.test("in flight: bytes are bounded as well, and one request is always taken", async () => {
  const inFlight = new InFlight();
  inFlight.start(IN_FLIGHT.bytes - 1);
  assertEquals(inFlight.room(), undefined);
  inFlight.start(2);
  const room = inFlight.room();
  assertEquals(room instanceof Promise, true);
  inFlight.end(2);
  await room;
  inFlight.end(IN_FLIGHT.bytes - 1);
  inFlight.start(10 * IN_FLIGHT.bytes);
  assertEquals([inFlight.count, inFlight.room() instanceof Promise], [1, true]);
});
