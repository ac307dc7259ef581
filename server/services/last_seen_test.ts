import { assertEquals } from "@std/assert";
import { StoreUnavailable } from "../stores/store.ts";
import { LastSeen } from "./last_seen.ts";

function bench() {
  const world = { now: 1000, away: false };
  const written: string[] = [];
  const defects: unknown[] = [];
  let due: (() => void) | undefined;
  const lastSeen = new LastSeen({
    accounts: {
      setSeen: async (users) => {
        await Promise.resolve();
        if (world.away) throw new StoreUnavailable("away");
        written.push(users.map(({ user, seen }) => `${user} ${seen}`).join());
      },
    },
    system: {
      now: () => world.now,
      after: (_, run) => {
        due = run;
        return () => due = undefined;
      },
    },
    onDefect: (error) => defects.push(error),
  });
  return { world, written, defects, lastSeen, pass: () => due?.() };
}

Deno.test("last seen: who leave within a moment are one write; the newest note of a user counts", async () => {
  const { world, written, lastSeen, pass } = bench();
  lastSeen.note(1);
  lastSeen.note(2);
  world.now = 1001;
  lastSeen.note(1);
  pass();
  await lastSeen.flush();
  assertEquals(written, ["1 1001,2 1000"]);
  await lastSeen.flush();
  assertEquals(written.length, 1, "nothing waits");
});

Deno.test("last seen: what could not be written goes with the next notes, which are newer", async () => {
  const { world, written, defects, lastSeen } = bench();
  world.away = true;
  lastSeen.note(1);
  lastSeen.note(2);
  await lastSeen.flush();
  world.away = false;
  world.now = 2000;
  lastSeen.note(2);
  await lastSeen.flush();
  assertEquals([written, defects], [["1 1000,2 2000"], []]);
});
