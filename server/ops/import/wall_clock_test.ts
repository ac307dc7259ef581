import { assertEquals } from "@std/assert";
import { isTimeZone, readWallClock } from "./wall_clock.ts";

Deno.test("wall clock: times are read in their zone, also around a change of the clocks", () => {
  assertEquals(readWallClock("2026-11-22 12:07:24", "UTC"), Date.UTC(2026, 10, 22, 12, 7, 24));
  assertEquals(readWallClock("2026-11-22 12:07:24", "Asia/Shanghai"), Date.UTC(2026, 10, 22, 4, 7, 24));
  assertEquals(readWallClock("2026-11-22 12:07:24", "+08:00"), Date.UTC(2026, 10, 22, 4, 7, 24));
  // 2:30 comes twice on that day.
  assertEquals(readWallClock("2026-10-25 02:30:00", "Europe/Berlin"), Date.UTC(2026, 9, 25, 0, 30, 0));
});

Deno.test("wall clock: what is no time is none", () => {
  for (
    const text of [
      "",
      "now",
      "2026-02-30 12:00:00",
      "2026-11-22 24:00:00",
      "2026-11-22T12:07:24",
      "22.11.2026",
    ]
  ) {
    assertEquals(readWallClock(text, "UTC"), undefined, text);
  }
  assertEquals([isTimeZone("Asia/Shanghai"), isTimeZone("Mars/Olympus"), isTimeZone("")], [
    true,
    false,
    false,
  ]);
});
