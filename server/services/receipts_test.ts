import { assertEquals, assertThrows } from "@std/assert";
import { Errno, Refusal } from "../errors.ts";
import type { Reply } from "../protocol/messages.ts";
import { Receipts } from "./receipts.ts";
import type { Session } from "./sessions.ts";

function bench() {
  const told: string[] = [];
  const others = new Map<number, Session[]>();
  let due: (() => void) | undefined;
  const receipts = new Receipts({
    tell: (to: number, reply: Reply, from?: Session) => {
      const but = from ? ` but ${from.device}` : "";
      if (reply.msgid === 13) told.push(`${to}: ${reply.id} ${reply.kind} ${reply.conv} ${reply.seq}${but}`);
    },
  }, {
    sessions: { of: (id) => others.get(id) ?? [], mayBeElsewhere: () => false },
    after: (ms, run) => {
      assertEquals([ms, due], [50, undefined]);
      due = run;
      return () => due = undefined;
    },
  });
  const session = (id: number, confirm = (_conv: string, { seq }: { seq: number }) => seq > 0) =>
    ({ user: { id, name: "x" }, device: "phone", inbox: { confirm } }) as unknown as Session;
  return { receipts, told, others, session, pass: () => due?.() };
}

Deno.test("receipts: a hundred in a moment are one frame of each kind, with the newest number", () => {
  const { receipts, told, session, pass } = bench();
  for (let seq = 1; seq <= 100; seq++) receipts.accept(session(1), { conv: "u1-2", seq, kind: "delivered" });
  for (let seq = 1; seq <= 60; seq++) receipts.accept(session(1), { conv: "u1-2", seq, kind: "read" });
  assertEquals(told, []);
  pass();
  assertEquals(told, ["2: 1 delivered u1-2 100", "2: 1 read u1-2 60"]);
  pass();
  assertEquals(told.length, 2);
});

Deno.test("receipts: what is read is not said to be delivered as well", () => {
  const { receipts, told, session, pass } = bench();
  receipts.accept(session(2), { conv: "u1-2", seq: 7, kind: "delivered" });
  receipts.accept(session(2), { conv: "u1-2", seq: 7, kind: "read" });
  pass();
  assertEquals(told, ["1: 2 read u1-2 7"]);
});

Deno.test("receipts: both sides and other conversations are kept apart; groups and notes to oneself tell nobody", () => {
  const { receipts, told, session, pass } = bench();
  receipts.accept(session(1), { conv: "u1-2", seq: 3, kind: "read" });
  receipts.accept(session(2), { conv: "u1-2", seq: 4, kind: "read" });
  receipts.accept(session(1), { conv: "u1-3", seq: 5, kind: "read" });
  receipts.accept(session(1), { conv: "g9", seq: 6, kind: "read" });
  receipts.accept(session(1), { conv: "u1-1", seq: 7, kind: "read" });
  pass();
  assertEquals(told, ["2: 1 read u1-2 3", "1: 2 read u1-2 4", "3: 1 read u1-3 5"]);
});

Deno.test("receipts: what is no news is not told; what is refused says so at once", () => {
  const { receipts, told, session, pass } = bench();
  receipts.accept(session(1, () => false), { conv: "u1-2", seq: 3, kind: "read" });
  const refusing = session(1, () => {
    throw new Refusal(Errno.NOT_ALLOWED, "no");
  });
  assertThrows(() => receipts.accept(refusing, { conv: "u1-2", seq: 3, kind: "read" }), Refusal, "no");
  pass();
  assertEquals(told, []);
});

Deno.test("receipts: a stop loses none", () => {
  const { receipts, told, session, pass } = bench();
  receipts.accept(session(1), { conv: "u1-2", seq: 3, kind: "read" });
  receipts.flush();
  assertEquals(told, ["2: 1 read u1-2 3"]);
  pass();
  receipts.accept(session(1), { conv: "u1-2", seq: 4, kind: "read" });
  pass();
  assertEquals(told.length, 2);
});

Deno.test("receipts: what waits when the log gets another name is about other entries, and told to nobody", () => {
  const { receipts, told, session, pass } = bench();
  receipts.accept(session(1), { conv: "u1-2", seq: 9, kind: "read" });
  receipts.forget();
  pass();
  receipts.accept(session(1), { conv: "u1-2", seq: 2, kind: "read" });
  pass();
  assertEquals(told, ["2: 1 read u1-2 2"]);
});

Deno.test("receipts: what one device has read is told to the others of its user, in groups and notes, too", () => {
  const { receipts, told, others, session, pass } = bench();
  const phone = session(1);
  others.set(1, [phone, session(1)]);
  receipts.accept(phone, { conv: "u1-2", seq: 3, kind: "delivered" });
  receipts.accept(phone, { conv: "u1-2", seq: 2, kind: "read" });
  receipts.accept(phone, { conv: "g9", seq: 6, kind: "read" });
  receipts.accept(phone, { conv: "g9", seq: 7, kind: "delivered" });
  receipts.accept(phone, { conv: "u1-1", seq: 4, kind: "read" });
  pass();
  assertEquals(told, [
    "2: 1 delivered u1-2 3",
    "2: 1 read u1-2 2",
    "1: 1 read u1-2 2 but phone",
    "1: 1 read g9 6 but phone",
    "1: 1 read u1-1 4 but phone",
  ]);
});

Deno.test("receipts: of a conversation that a large account has not entered yet wait for that", async () => {
  const { receipts, told, session, pass } = bench();
  const entered = Promise.withResolvers<void>();
  const large = {
    ...session(1),
    entering: entered.promise as Promise<void> | undefined,
    inbox: { ...session(1).inbox, knows: (conv: string) => conv === "u1-2" },
  } as unknown as Session;
  receipts.accept(large, { conv: "u1-2", seq: 1, kind: "read" });
  const later = receipts.accept(large, { conv: "u1-3", seq: 2, kind: "read" });
  pass();
  assertEquals(told, ["2: 1 read u1-2 1"]);
  large.entering = undefined;
  entered.resolve();
  await later;
  pass();
  assertEquals(told.slice(1), ["3: 1 read u1-3 2"]);
});
