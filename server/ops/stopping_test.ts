import { assert, assertEquals } from "@std/assert";
import { system } from "../system.ts";
import { Stopping } from "./stopping.ts";

const never = () => new Promise<void>(() => {});

Deno.test("stopping: the steps run in the opposite order, each when the one before is done", async () => {
  const done: string[] = [];
  const stopping = new Stopping({ system, within: 10_000, onUndone: (what) => done.push(`not ${what}`) });
  stopping.add("close the store", { within: 1000, work: () => void done.push("store") });
  stopping.add("say goodbye", {
    within: 1000,
    work: async () => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      done.push("goodbye");
    },
  });
  await stopping.run();
  assertEquals(done, ["goodbye", "store"]);
});

Deno.test("stopping: a step that hangs or fails is told once, and the next ones run", async () => {
  const undone: string[] = [];
  let closed = false;
  const stopping = new Stopping({
    system,
    within: 10_000,
    onUndone: (...told) => undone.push(told.join(": ")),
  });
  stopping.add("close the bus", { within: 1000, work: () => void (closed = true) });
  stopping.add("give the leases back", { within: 10, work: never });
  stopping.add("store the cursors", { within: 1000, work: () => Promise.reject(new Error("disk full")) });
  await stopping.run();
  assertEquals(undone, ["store the cursors: disk full", "give the leases back: no answer in time"]);
  assert(closed);
});

Deno.test("stopping: all steps together have a bound, whatever each may take", async () => {
  const undone: string[] = [];
  const stopping = new Stopping({ system, within: 20, onUndone: (what) => undone.push(what) });
  for (const what of ["c", "b", "a"]) stopping.add(what, { within: 60_000, work: never });
  await stopping.run();
  assertEquals(undone, ["a", "b", "c"]);
});
