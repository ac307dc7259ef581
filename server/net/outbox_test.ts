import { assertEquals } from "@std/assert";
import { TokenBucket } from "./limits.ts";
import { Encoder } from "./encoder.ts";
import { Outbox } from "./outbox.ts";

/** Takes at most `piece` bytes a write, and nothing before it is opened. */
class SlowSink {
  readonly writes: string[] = [];
  readonly #gate = Promise.withResolvers<void>();
  readonly #piece: number;

  constructor(piece = Infinity) {
    this.#piece = piece;
  }

  open(): void {
    this.#gate.resolve();
  }

  async write(chunk: Uint8Array): Promise<number> {
    await this.#gate.promise;
    const taken = chunk.subarray(0, Math.min(this.#piece, chunk.length));
    this.writes.push(new TextDecoder().decode(taken));
    return taken.length;
  }
}

Deno.test("outbox: writes in order, part by part; joined only where that is wanted", async () => {
  for (
    const [joinWrites, expected] of [[false, ["ab", "c", "def", "g"]], [true, ["abc", "def", "g"]]] as const
  ) {
    const sink = new SlowSink(3);
    sink.open();
    const outbox = new Outbox(sink, { encoder: new Encoder(), bound: 100, onFailure: () => {} });
    outbox.joinWrites = joinWrites;
    const written: string[] = [];
    for (const text of ["ab", "c", "defg"]) outbox.add(text, () => written.push(text));
    await outbox.flushed();
    assertEquals([sink.writes, written, outbox.queued], [[...expected], ["ab", "c", "defg"], 0]);
  }
});

Deno.test("outbox: counts bytes against its bound, and wakes at half of it", async () => {
  const sink = new SlowSink();
  const outbox = new Outbox(sink, { encoder: new Encoder(), bound: 10, onFailure: () => {} });
  outbox.add("123456789");
  assertEquals([outbox.writable, outbox.queued], [true, 9]);
  outbox.add("0");
  assertEquals([outbox.writable, outbox.queued], [false, 10]);
  let drained = false;
  const waiting = outbox.drained().then(() => drained = true);
  await Promise.resolve();
  assertEquals(drained, false);
  sink.open();
  await waiting;
  assertEquals(outbox.writable, true);
  await outbox.flushed();
});

Deno.test("outbox: a failed write ends it and frees everybody who waits", async () => {
  const failures: unknown[] = [];
  const sink = { write: () => Promise.reject(new Deno.errors.BrokenPipe()) };
  const outbox = new Outbox(sink, {
    encoder: new Encoder(),
    bound: 2,
    onFailure: (error) => failures.push(error),
  });
  outbox.add("123");
  await outbox.drained();
  await outbox.flushed();
  outbox.add("4");
  assertEquals([failures.length, outbox.queued, outbox.writable], [1, 0, false]);
});

Deno.test("token bucket: so many at once, then so many a second", () => {
  let now = 0;
  const bucket = new TokenBucket(10, () => now);
  for (let i = 0; i < 10; i++) assertEquals(bucket.take(), 0);
  assertEquals(bucket.take(), 100);
  now = 100;
  assertEquals([bucket.take(), bucket.take()], [0, 100]);
  now = 1_000_000;
  for (let i = 0; i < 10; i++) assertEquals(bucket.take(), 0);
  now = 0;
  assertEquals(bucket.take(), 100, "a clock that goes back gives nothing away");
});
