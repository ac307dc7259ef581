import { assertEquals } from "@std/assert";
import type { Sighting } from "./history.ts";
import { compareWithStore, type StoredRow } from "./store_look.ts";

const event = (seq: number, mid?: string): Sighting => ({
  ...{ type: "shown", t: 1, client: "2", user: 2, log: "A", conv: "u1-2", seq, from: 1 },
  ...(mid === undefined ? {} : { mid }),
});
const row = (seq: number, mid: string, sender = 1): StoredRow => ({ conv: "u1-2", seq, sender, mid });

function finds(
  name: string,
  { rows, seen, expect }: { rows: StoredRow[]; seen: Sighting[]; expect: string[] },
) {
  Deno.test(`the second opinion: ${name}`, () => {
    const places = seen.map((event) => ({ conv: event.conv, seq: event.seq, event }));
    assertEquals(compareWithStore(rows, places).map(({ why }) => why), expect);
  });
}

finds("says nothing about a store that has what was seen, and an entry whose mid nobody sees", {
  rows: [row(1, "a"), row(2, ""), row(3, "c"), { ...row(1, "d"), conv: "u1-3" }],
  seen: [event(1, "a"), event(2), event(3), { ...event(1, "d"), conv: "u1-3" }],
  expect: [],
});
finds("a number that is missing", {
  rows: [row(1, "a"), row(3, "c")],
  seen: [event(1, "a"), event(3, "c")],
  expect: ["the store's number 3 of u1-2 stands where 2 should be"],
});
finds("a message that is there twice", {
  rows: [row(1, "a"), row(2, "a")],
  seen: [event(1, "a"), event(2, "a")],
  expect: ["the store's number 2 of u1-2 is a of 1, which is number 1 of u1-2 as well"],
});
finds("another message, or another sender, than was seen", {
  rows: [row(1, "a"), row(2, "b", 2)],
  seen: [event(1, "b"), event(2, "b")],
  expect: [
    "the store's number 1 of u1-2 is a of 1; clients saw another",
    "the store's number 2 of u1-2 is b of 2; clients saw another",
  ],
});
finds("what nobody has seen, and what is not there", {
  rows: [row(1, "a")],
  seen: [event(2, "b")],
  expect: [
    "the store's number 1 of u1-2, a of 1, has been seen by no client",
    "clients have seen u1-2 2, which is not in the store",
  ],
});
