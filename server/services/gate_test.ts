import { assertEquals } from "@std/assert";
import { Gate } from "./gate.ts";
import { system } from "../system.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

Deno.test("gate: in order, so many at a time, and everybody in the end", async () => {
  const gate = new Gate({ atOnce: 3, turn: system.turn });
  const began: number[] = [];
  let inside = 0;
  let most = 0;
  await Promise.all(Array.from({ length: 50 }, (_, i) =>
    gate.run(async () => {
      began.push(i);
      most = Math.max(most, ++inside);
      await turn();
      inside--;
    })));
  assertEquals(began, Array.from({ length: 50 }, (_, i) => i));
  assertEquals(most, 3);
});

Deno.test("gate: work that never waits does not take a whole turn of the event loop for itself", async () => {
  const gate = new Gate({ atOnce: 100, turn: system.turn });
  let done = 0;
  const all = Promise.all(Array.from({ length: 100 }, () => gate.run(() => Promise.resolve(done++))));
  await turn();
  assertEquals(done < 50, true, `${done} at once`);
  await all;
  assertEquals(done, 100);
});

Deno.test("gate: what fails makes room as well", async () => {
  const gate = new Gate({ atOnce: 1, turn: system.turn });
  const failed = gate.run(() => Promise.reject(new Error("no"))).catch((error: Error) => error.message);
  assertEquals([await failed, await gate.run(() => Promise.resolve("yes"))], ["no", "yes"]);
});
