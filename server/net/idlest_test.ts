import { assertEquals } from "@std/assert";
import { Idlest } from "./idlest.ts";

Deno.test("idlest: those idle for longest go first, none before 10 s, and all are looked at once in a second", () => {
  let now = 0;
  let looks = 0;
  const made = (since: number) => ({
    since,
    get idleFor() {
      looks++;
      return now - this.since;
    },
  });
  const connections = [made(3), made(1), made(5000), made(2)];
  const idlest = new Idlest<(typeof connections)[number]>(() => now);
  assertEquals(idlest.take(connections), undefined);
  now = 10_002;
  const order = [1, 2, 3].map(() => idlest.take(connections)?.since);
  assertEquals(order, [1, 2, undefined]);
  looks = 0;
  now = 10_900;
  for (let i = 0; i < 100; i++) assertEquals(idlest.take(connections), undefined);
  assertEquals(looks, 0);
  now = 20_000;
  connections[0]!.since = 19_999;
  assertEquals(idlest.take(connections)?.since, 1);
  connections[3]!.since = 19_999;
  assertEquals(idlest.take(connections)?.since, 5000, "one that has said something since the look stays");
});
