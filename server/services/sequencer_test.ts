import { assertEquals } from "@std/assert";
import { Push } from "../protocol/encode.ts";
import type { LogMessage } from "../protocol/messages.ts";
import { type LogStore, StoreUnavailable } from "../stores/store.ts";
import { Sequencer } from "./sequencer.ts";
import { system } from "../system.ts";

const message = (seq: number): LogMessage => ({
  ...{ conv: "g1", seq, kind: "chat", sender: 1, senderName: "ann", mid: `${seq}`, body: '"x"', at: 1 },
});

function setUp(read: LogStore["read"] = () => Promise.resolve([])) {
  const delivered: number[] = [];
  const reads: number[] = [];
  let now = 0;
  const changed: (() => void)[] = [];
  const sequencer = new Sequencer({
    log: {
      read(page: Parameters<LogStore["read"]>[0]) {
        reads.push(page.after ?? 0);
        return read(page);
      },
    } as unknown as LogStore,
    deliver: (push) => {
      delivered.push(push.message.seq);
      for (const resolve of changed.splice(0)) resolve();
    },
    toPush: (message) => new Push(message),
    system: { ...system, monotonic: () => now },
    onDefect: (error) => {
      throw error;
    },
  });
  return {
    delivered,
    reads,
    pass: (...seqs: number[]) => seqs.forEach((seq) => sequencer.pass(new Push(message(seq)))),
    sleep: (ms: number) => now += ms,
    /** Resolves when so many have been delivered. */
    async until(count: number) {
      while (delivered.length < count) await new Promise<void>((resolve) => changed.push(resolve));
    },
    close: () => sequencer.close(),
  };
}

Deno.test("sequencer: what comes early waits for what is a moment late", () => {
  const { pass, delivered, reads, close } = setUp();
  pass(5, 8, 7, 6, 9, 6);
  assertEquals(
    [delivered, reads],
    [[5, 6, 7, 8, 9, 6], []],
    "what was passed on before goes on: others drop it",
  );
  close();
});

Deno.test("sequencer: what does not come is read, once, and nothing overtakes it", async () => {
  const log = Promise.withResolvers<LogMessage[]>();
  const { pass, delivered, reads, until, close } = setUp(() => log.promise);
  pass(1, 4, 5);
  while (reads.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  pass(6);
  assertEquals([delivered, reads], [[1], [1]]);
  log.resolve([2, 3, 4, 5].map(message));
  await until(6);
  assertEquals([delivered, reads], [[1, 2, 3, 4, 5, 6], [1]]);
  close();
});

Deno.test("sequencer: without the log what waits is passed on as it is", async () => {
  const { pass, delivered, until, close } = setUp(() => Promise.reject(new StoreUnavailable("away")));
  pass(1, 4, 3);
  await until(3);
  assertEquals(delivered, [1, 3, 4]);
  pass(5);
  assertEquals(delivered, [1, 3, 4, 5]);
  close();
});

Deno.test("sequencer: after a long silence, or a large gap, nobody waits", () => {
  const { pass, delivered, sleep, close } = setUp();
  pass(1);
  sleep(11_000);
  pass(7);
  pass(1000);
  pass(1001);
  assertEquals(delivered, [1, 7, 1000, 1001]);
  close();
});

Deno.test("sequencer: I7: so many wait, and no more", () => {
  const { pass, delivered, close } = setUp();
  pass(1);
  for (let seq = 3; seq < 300; seq++) pass(seq);
  assertEquals([delivered.length > 250, delivered.slice(0, 3)], [true, [1, 3, 4]]);
  close();
});
