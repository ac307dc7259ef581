import { assertEquals } from "@std/assert";
import type { LogMessage } from "../protocol/messages.ts";
import type { Appended } from "../stores/store.ts";
import { OwnEntries } from "./own_entries.ts";

const entry = (seq: number, mid: string | null): LogMessage => ({
  ...{ conv: "u1-2", seq, kind: "chat", sender: 1, senderName: "ann", mid, body: '"x"', at: 1 },
});
const stored = (message: LogMessage): Promise<Appended> => Promise.resolve({ stored: message, fresh: true });
const isPast = () => false;

Deno.test("own entries: are known from before they are stored until they are passed by", async () => {
  const own = new OwnEntries();
  const message = entry(1, "m");
  await own.append(message, {
    append: () => {
      assertEquals(own.has(message), true, "it may be read from the log by now");
      return stored(message);
    },
    isPast,
  });
  assertEquals([own.has(message), own.has(entry(2, "other"))], [true, false]);
  own.pass(message);
  assertEquals(own.has(message), false);
});

Deno.test("own entries: what is past, refused, or lost is not remembered", async () => {
  const own = new OwnEntries();
  const message = entry(1, "m");
  await own.append(message, { append: () => stored(message), isPast: () => true });
  assertEquals(own.has(message), false);
  await own.append(message, { append: () => Promise.resolve({ refused: "no_user" }), isPast });
  assertEquals(own.has(message), false);
  const lost = own.append(message, { append: () => Promise.reject(new Error("lost")), isPast });
  await lost.catch(() => "as meant");
  assertEquals(own.has(message), false);
});

Deno.test("own entries: no more are remembered than so many, the newest ones", async () => {
  const own = new OwnEntries();
  for (let n = 1; n <= 5000; n++) {
    const message = entry(n, n % 2 ? `${n}` : null);
    await own.append(message, { append: () => stored(message), isPast });
  }
  const known = [entry(100, null), entry(4999, "4999"), entry(5000, null)].map((one) => own.has(one));
  assertEquals(known, [false, true, true]);
});
