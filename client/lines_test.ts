import { assert, assertEquals } from "@std/assert";
import { readLines } from "./lines.ts";

/** A pipe with these pieces in it, and what became of them. */
function read(pieces: (string | Uint8Array)[], line: (text: string) => Promise<void>) {
  const left = pieces.map((piece) => typeof piece === "string" ? new TextEncoder().encode(piece) : piece);
  const state = { left, ended: false };
  const source = {
    read: (buffer: Uint8Array) => {
      const piece = left.shift();
      if (piece) buffer.set(piece);
      return Promise.resolve(piece?.length ?? null);
    },
  };
  const end = readLines(source, line).then(() => state.ended = true);
  return { state, end };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("lines come whole, without their line breaks, the last one without one as well", async () => {
  const lines: string[] = [];
  const bytes = new TextEncoder().encode("你\r\n");
  const pieces = ["one\ntw", "o\r\n\n", bytes.subarray(0, 2), bytes.subarray(2), "rest"];
  await read(pieces, (text) => {
    lines.push(text);
    return Promise.resolve();
  }).end;
  assertEquals(lines, ["one", "two", "", "你", "rest"]);
});

Deno.test("the end is noticed while lines wait to be taken", async () => {
  const lines: string[] = [];
  const { state, end } = read(["1\n2\n", "3\n"], (text) => {
    lines.push(text);
    return new Promise(() => {});
  });
  await end;
  assert(state.ended);
  assertEquals(lines, ["1", "2", "3"]);
});

Deno.test("what waits is bounded: reading goes on as lines are taken", async () => {
  const waiting: (() => void)[] = [];
  const piece = "x".repeat(60_000) + "\n";
  const { state, end } = read(
    Array.from({ length: 40 }, () => piece),
    () => new Promise((taken) => waiting.push(taken)),
  );
  await settled();
  assertEquals([waiting.length, state.ended], [18, false]);
  waiting.shift()!();
  await settled();
  assertEquals([waiting.length, state.ended], [18, false]);
  while (!state.ended) {
    for (const taken of waiting.splice(0)) taken();
    await settled();
  }
  await end;
});
