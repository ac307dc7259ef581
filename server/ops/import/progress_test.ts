import { assertEquals, assertMatch } from "@std/assert";
import { Progress } from "./progress.ts";

function show(isTerminal: boolean): string {
  let [text, now] = ["", 0];
  const progress = new Progress({ write: (more) => text += more, isTerminal, now: () => now });
  progress.begin("users", 100);
  for (let i = 0; i < 100; i++) {
    now += 500;
    progress.add();
  }
  progress.end();
  return text;
}

Deno.test("progress: a bar on a terminal, a line every 10 s elsewhere", () => {
  assertEquals(show(false).split("\n"), [
    ...[20, 40, 60, 80, 100].map((done) => `users: ${done} of 100, about ${(100 - done) / 2} s left`),
    "users: 100 in 50.0 s",
    "",
  ]);
  const bars = show(true).split("\r\x1b[K");
  assertEquals(bars[50], "users ███████████████░░░░░░░░░░░░░░░ 50 of 100, about 25 s left");
  assertMatch(bars.at(-1)!, /^users: 100 in 50\.0 s\n$/);
});
