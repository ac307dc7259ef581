import { assertEquals } from "@std/assert";
import { Outbox, type Outgoing } from "./outbox.ts";

const item = (mid: string, target = "u2", msgid = 6): Outgoing => ({ mid, msgid, target, text: mid });
const mids = (items: Outgoing[]) => items.map((one) => one.mid);

Deno.test("of one target one message is under way, others do not wait for it", () => {
  const outbox = new Outbox();
  for (const one of [item("a"), item("b"), item("c", "g1")]) outbox.add(one);
  assertEquals(mids(outbox.take(0)), ["a", "c"]);
  assertEquals(mids(outbox.take(0)), []);
  assertEquals(outbox.remove("a")?.mid, "a");
  assertEquals(outbox.remove("a"), undefined);
  assertEquals(mids(outbox.take(0)), ["b"]);
});

Deno.test("after a broken connection everything goes again in the original order", () => {
  const outbox = new Outbox();
  for (const one of [item("a"), item("b", "g1"), item("c", "u3")]) outbox.add(one);
  outbox.take(0);
  outbox.restart();
  assertEquals(mids(outbox.take(0)), ["a", "b", "c"]);
  assertEquals(mids(outbox.items()), ["a", "b", "c"]);
});

Deno.test("a postponed message holds up those behind it, and only those", () => {
  const outbox = new Outbox();
  for (const one of [item("a"), item("b"), item("c", "g1")]) outbox.add(one);
  outbox.take(0);
  outbox.postpone("a", 1000);
  assertEquals(mids(outbox.take(999)), []);
  assertEquals(mids(outbox.take(1000)), ["a"]);
});

Deno.test("the message that an error without mid is about", () => {
  const outbox = new Outbox();
  for (const one of [item("a"), item("longest", "g1", 11), item("waits")]) outbox.add(one);
  assertEquals(outbox.underWay(), undefined);
  outbox.take(0);
  assertEquals(outbox.underWay(6)?.mid, "a");
  assertEquals(outbox.underWay()?.mid, "longest");
  assertEquals(outbox.underWay(7), undefined);
});
