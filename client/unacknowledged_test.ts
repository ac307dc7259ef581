import { assertEquals } from "@std/assert";
import { type Outgoing, Unacknowledged } from "./unacknowledged.ts";

const item = (mid: string, target = "u2", msgid = 6): Outgoing => ({ mid, msgid, target, text: mid });
const mids = (items: Outgoing[]) => items.map((one) => one.mid);

Deno.test("of one target one message is under way, others do not wait for it", () => {
  const waiting = new Unacknowledged();
  for (const one of [item("a"), item("b"), item("c", "g1")]) waiting.add(one);
  assertEquals(mids(waiting.take(0)), ["a", "c"]);
  assertEquals(mids(waiting.take(0)), []);
  assertEquals(waiting.remove("a")?.mid, "a");
  assertEquals(waiting.remove("a"), undefined);
  assertEquals(mids(waiting.take(0)), ["b"]);
});

Deno.test("after a broken connection everything goes again in the original order", () => {
  const waiting = new Unacknowledged();
  for (const one of [item("a"), item("b", "g1"), item("c", "u3")]) waiting.add(one);
  waiting.take(0);
  waiting.restart();
  assertEquals(mids(waiting.take(0)), ["a", "b", "c"]);
  assertEquals(mids(waiting.items()), ["a", "b", "c"]);
});

Deno.test("a postponed message holds up those behind it, and only those", () => {
  const waiting = new Unacknowledged();
  for (const one of [item("a"), item("b"), item("c", "g1")]) waiting.add(one);
  waiting.take(0);
  waiting.postpone("a", 1000);
  assertEquals(mids(waiting.take(999)), []);
  assertEquals(mids(waiting.take(1000)), ["a"]);
});

Deno.test("the message that an error without mid is about", () => {
  const waiting = new Unacknowledged();
  for (const one of [item("a"), item("longest", "g1", 11), item("waits")]) waiting.add(one);
  assertEquals(waiting.underWay(), undefined);
  waiting.take(0);
  assertEquals(waiting.underWay(6)?.mid, "a");
  assertEquals(waiting.underWay()?.mid, "longest");
  assertEquals(waiting.underWay(7), undefined);
});

Deno.test("without an answer a message goes again after 5 s, then after twice as long each time", () => {
  const waiting = new Unacknowledged();
  waiting.add(item("a"));
  waiting.add(item("b"));
  const times: number[] = [];
  for (let now = 0; now <= 200_000; now += 1000) if (waiting.take(now).length > 0) times.push(now / 1000);
  assertEquals(times, [0, 5, 15, 35, 75, 135, 195]);
  waiting.restart();
  assertEquals(mids(waiting.take(200_001)), ["a"]);
  assertEquals(waiting.due(), 205_001);
  waiting.remove("a");
  assertEquals(mids(waiting.take(200_002)), ["b"]);
});

Deno.test("what is put back goes before everything that waits", () => {
  const waiting = new Unacknowledged();
  waiting.add(item("c"));
  waiting.putBack([item("a"), item("b")]);
  assertEquals(mids(waiting.items()), ["a", "b", "c"]);
  assertEquals(mids(waiting.take(0)), ["a"]);
});
