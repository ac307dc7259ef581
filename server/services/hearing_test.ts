import { assertEquals } from "@std/assert";
import { Hearing } from "./hearing.ts";
import { system } from "../system.ts";

function bench() {
  const bench = { now: 0, busWorks: true, heardAgain: 0, fellSilent: 0, silent: [] as string[], beats: 0 };
  const hearing = new Hearing({
    node: "me",
    busWorks: () => bench.busWorks,
    beat: () => bench.beats++,
    system: { ...system, monotonic: () => bench.now },
    onSilent: () => bench.fellSilent++,
    onHeard: () => bench.heardAgain++,
    onChange: (silent) => bench.silent.push(silent.join("+")),
  });
  return { bench, hearing };
}

Deno.test("hearing: a node alone hears everybody", () => {
  const { hearing } = bench();
  assertEquals(hearing.working, true);
  hearing.expect(["me"]);
  assertEquals(hearing.working, true);
});

Deno.test("hearing: a node that was never heard is silent; one that is heard is not, for a while", () => {
  const { bench: state, hearing } = bench();
  hearing.expect(["me", "one"]);
  assertEquals(hearing.working, false);
  state.now += 1501;
  hearing.look();
  hearing.hear("one");
  assertEquals(hearing.working, true);
  hearing.look();
  state.now += 1500;
  assertEquals(hearing.working, true);
  state.now += 1;
  assertEquals(hearing.working, false);
  hearing.look();
  hearing.hear("one");
  hearing.look();
  assertEquals([state.silent, state.heardAgain], [["one", "", "one", ""], 2]);
});

Deno.test("hearing: when a node falls silent, and when it is back, the log is looked into, once each", () => {
  const { bench: state, hearing } = bench();
  hearing.hear("one");
  hearing.expect(["me", "one"]);
  assertEquals([state.fellSilent, state.heardAgain], [0, 0]);
  state.now += 1501;
  for (let i = 0; i < 3; i++) hearing.look();
  assertEquals([state.fellSilent, state.heardAgain], [1, 0]);
  hearing.hear("one");
  for (let i = 0; i < 3; i++) hearing.look();
  assertEquals([state.fellSilent, state.heardAgain], [1, 1]);
});

Deno.test("hearing: one silent node of three is enough; a node that has gone is not waited for", () => {
  const { hearing } = bench();
  hearing.expect(["me", "one", "two"]);
  hearing.hear("one");
  assertEquals(hearing.working, false);
  hearing.expect(["me", "one"]);
  assertEquals(hearing.working, true);
  // It comes back and has to be heard again.
  hearing.expect(["me", "one", "two"]);
  assertEquals(hearing.working, false);
});

Deno.test("hearing: without the bus nothing is heard, and nobody is blamed for it", () => {
  const { bench: state, hearing } = bench();
  hearing.expect(["me", "one"]);
  hearing.hear("one");
  hearing.look();
  state.busWorks = false;
  assertEquals(hearing.working, false);
  hearing.look();
  assertEquals(state.silent, []);
  state.busWorks = true;
  hearing.look();
  assertEquals(state.heardAgain, 2);
});

Deno.test("hearing: a node that begins is heard before the store is asked about it, and is no news to the operator", () => {
  const { bench: state, hearing } = bench();
  hearing.expect(["me"]);
  state.now += 5000;
  hearing.hear("one");
  hearing.expect(["me", "one"]);
  assertEquals([hearing.working, state.silent], [true, []]);
  // One that is not heard at once costs looks into the log, and is news only once it lasts.
  hearing.expect(["me", "one", "two"]);
  assertEquals([hearing.working, state.silent], [false, []]);
  hearing.hear("two");
  hearing.look();
  assertEquals([hearing.working, state.silent, state.heardAgain], [true, [], 1]);
});

Deno.test("hearing: nodes that the store does not know make no difference, and are forgotten", () => {
  const { bench: state, hearing } = bench();
  hearing.expect(["me", "one"]);
  for (let i = 0; i < 1000; i++) hearing.hear(`stranger ${i}`);
  hearing.hear("me");
  assertEquals(hearing.working, false);
  hearing.hear("one");
  assertEquals(hearing.working, true);
  state.now += 2000;
  hearing.expect(["me", "one"]);
  hearing.expect(["me", "stranger 7"]);
  assertEquals(hearing.working, false);
});
