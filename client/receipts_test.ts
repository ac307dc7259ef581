import { assertEquals } from "@std/assert";
import { FakeClock } from "./fake_clock.ts";
import { Receipts } from "./receipts.ts";

function start() {
  const clock = new FakeClock();
  const frames: string[] = [];
  const line = { open: true };
  const receipts = new Receipts((frame) => {
    if (line.open) frames.push(`${frame.kind} ${frame.conv} ${frame.seq}`);
    return line.open;
  }, clock);
  return { clock, frames, line, receipts };
}

Deno.test("what gathers within 50 ms is one receipt per conversation and kind, the highest", async () => {
  const { clock, frames, receipts } = start();
  for (const seq of [1, 2, 3]) receipts.note("u1-2", { seq, kind: "delivered" });
  receipts.note("g4", { seq: 9, kind: "delivered" });
  await clock.pass(49);
  assertEquals(frames, []);
  await clock.pass(1);
  assertEquals(frames, ["delivered u1-2 3", "delivered g4 9"]);
  receipts.note("u1-2", { seq: 2, kind: "read" });
  await clock.pass(50);
  assertEquals(frames.slice(2), ["read u1-2 2"]);
});

Deno.test("read says delivered too, and nothing is said twice", async () => {
  const { clock, frames, receipts } = start();
  receipts.note("u1-2", { seq: 3, kind: "delivered" });
  receipts.note("u1-2", { seq: 3, kind: "read" });
  await clock.pass(50);
  receipts.note("u1-2", { seq: 3, kind: "read" });
  receipts.note("u1-2", { seq: 2, kind: "delivered" });
  await clock.pass(50);
  assertEquals(frames, ["read u1-2 3"]);
});

Deno.test("what could not be sent is sent after the next login", async () => {
  const { clock, frames, line, receipts } = start();
  line.open = false;
  receipts.note("u1-2", { seq: 3, kind: "read" });
  await clock.pass(50);
  line.open = true;
  receipts.restart();
  await clock.pass(50);
  assertEquals(frames, ["read u1-2 3"]);
});

Deno.test("what is void is not sent, and the same numbers can be told anew", async () => {
  const { clock, frames, receipts } = start();
  receipts.note("u1-2", { seq: 9, kind: "read" });
  receipts.forget();
  await clock.pass(50);
  assertEquals(frames, []);
  receipts.note("u1-2", { seq: 3, kind: "read" });
  receipts.flush();
  assertEquals(frames, ["read u1-2 3"]);
});
