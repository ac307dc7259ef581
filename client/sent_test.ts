import { assertEquals } from "@std/assert";
import { type Mark, Sent } from "./sent.ts";

const tell = (marks: Mark[]) => marks.map((mark) => `${mark.kind} ${mark.reader} ${mark.seq}`);
const said = (kind: "delivered" | "read", seq: number, reader = 2): Mark => ({
  conv: "g1",
  reader,
  kind,
  seq,
});

Deno.test("a receipt is news once, and counts up to the last own message it covers", () => {
  const sent = new Sent();
  assertEquals(tell(sent.stored("g1", 1)), []);
  sent.stored("g1", 4);
  assertEquals(tell(sent.receipt(said("delivered", 3))), ["delivered 2 1"]);
  assertEquals(tell(sent.receipt(said("delivered", 3))), []);
  assertEquals(tell(sent.receipt(said("read", 9))), ["read 2 4"]);
  assertEquals(tell(sent.receipt(said("delivered", 9))), []);
});

Deno.test("members of a group are told apart", () => {
  const sent = new Sent();
  sent.stored("g1", 1);
  assertEquals(tell(sent.receipt(said("read", 1, 2))), ["read 2 1"]);
  assertEquals(tell(sent.receipt(said("read", 1, 3))), ["read 3 1"]);
});

Deno.test("a receipt that overtakes the acknowledgement is told with it", () => {
  const sent = new Sent();
  assertEquals(tell(sent.receipt(said("read", 1))), []);
  assertEquals(tell(sent.stored("g1", 1)), ["read 2 1"]);
});
