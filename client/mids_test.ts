import { assert, assertEquals } from "@std/assert";
import { LIMITS } from "../server/protocol/schemas.ts";
import { Mids } from "./mids.ts";

Deno.test("mids: sort by time, are different, and are what the server takes, whatever the clock does", () => {
  let now = 1_790_000_000_000;
  const mids = new Mids({ now: () => now, random: Math.random });
  const made: string[] = [];
  for (const step of [0, 0, 1, 5, 0, -100_000, 0, 1, 200_000, 0]) {
    now += step;
    made.push(mids.next());
  }
  assertEquals(made, made.toSorted((a, b) => a < b ? -1 : 1));
  assertEquals(new Set(made).size, made.length);
  for (const mid of made) assert(/^[0-9A-Za-z_-]+$/.test(mid) && mid.length <= LIMITS.mid, mid);
});

Deno.test("mids: two clients that begin in the same moment do not make the same", () => {
  const one = new Mids({ now: () => 1, random: Math.random });
  const two = new Mids({ now: () => 1, random: Math.random });
  assert(one.next() !== two.next());
});
