import { assertEquals, assertThrows } from "@std/assert";
import { Disconnect } from "../errors.ts";
import { FrameDecoder } from "./decoder.ts";

const utf8 = new TextEncoder();

function decode(chunks: readonly (string | Uint8Array)[], maxFrame = 65536): string[] {
  const decoder = new FrameDecoder(maxFrame);
  return chunks.flatMap((
    chunk,
  ) => [...decoder.frames(typeof chunk === "string" ? utf8.encode(chunk) : chunk)]);
}

const bytesOf = (text: string) => [...utf8.encode(text)].map((byte) => new Uint8Array([byte]));

Deno.test("decoder: every separator, and none", () => {
  for (const gap of ["", "\n", "\0", "\r\n", " ", "\t", "\n\0 \r\t\n"]) {
    assertEquals(decode([`${gap}{"a":1}${gap}{}${gap}{"b":{"c":[]}}${gap}`]), [
      '{"a":1}',
      "{}",
      '{"b":{"c":[]}}',
    ]);
  }
});

Deno.test("decoder: the same frames however the bytes are cut", () => {
  const frames = ['{"a":"}{\\"\\\\"}', '{"emoji":"👩‍👩‍👧","x":{"y":{}}}', "{}", '{"t":"\\u0000"}'];
  const stream = utf8.encode(frames.join("\n"));
  assertEquals(decode(bytesOf(frames.join("\n"))), frames);
  for (let cut = 0; cut <= stream.length; cut++) {
    assertEquals(decode([stream.subarray(0, cut), stream.subarray(cut)]), frames, `cut at ${cut}`);
  }
});

Deno.test("decoder: a chunk's buffer may be reused", () => {
  const decoder = new FrameDecoder(100);
  const buffer = utf8.encode('{"first":1');
  assertEquals([...decoder.frames(buffer)], []);
  assertEquals(decoder.pending, buffer.length);
  buffer.fill(0x20);
  assertEquals([...decoder.frames(utf8.encode("}"))], ['{"first":1}']);
  assertEquals(decoder.pending, 0);
});

Deno.test("decoder: exactly the longest frame is taken, one byte more is not, in one piece or in bytes", () => {
  const longest = `{"x":"${"a".repeat(100 - 8)}"}`;
  assertEquals(longest.length, 100);
  assertEquals(decode([longest + longest], 100), [longest, longest]);
  assertEquals(decode(bytesOf(longest), 100), [longest]);
  const longer = `{"x":"${"a".repeat(100 - 7)}"}`;
  assertThrows(() => decode([longer], 100), Disconnect, "100 bytes");
  assertThrows(() => decode(bytesOf(longer), 100), Disconnect, "100 bytes");
});

Deno.test("decoder: an endless frame is refused as soon as it is too long", () => {
  const decoder = new FrameDecoder(1000);
  const piece = utf8.encode('{"a":');
  assertThrows(() => {
    for (let i = 0; i < 201; i++) [...decoder.frames(piece)];
  }, Disconnect);
});

Deno.test("decoder: frames before a fault are yielded first", () => {
  const decoder = new FrameDecoder(100);
  const frames = decoder.frames(utf8.encode('{"a":1}hello'));
  assertEquals(frames.next().value, '{"a":1}');
  assertThrows(() => frames.next(), Disconnect, "not a frame");
});

Deno.test("decoder: invalid UTF-8 is refused, also cut in the middle", () => {
  for (const bad of [[0xc3, 0x28], [0xff], [0xed, 0xa0, 0x80], [0xf0, 0x9f]]) {
    const bytes = new Uint8Array([...utf8.encode('{"a":"'), ...bad, ...utf8.encode('"}')]);
    assertThrows(() => decode([bytes]), Disconnect, "UTF-8");
    assertThrows(() => decode([bytes.subarray(0, 7), bytes.subarray(7)]), Disconnect, "UTF-8");
  }
});

Deno.test("decoder: what cannot begin a frame", () => {
  for (const bad of ["hello", "}", "[", '"', "1", "\ufeff{}", "\x01", ","]) {
    assertThrows(() => decode([bad]), Disconnect);
  }
});

Deno.test("decoder: a long frame in single bytes is copied a few times at most, not once a byte", () => {
  const text = `{"x":"${"a".repeat(65_000)}"}`;
  let copied = 0;
  const set = Uint8Array.prototype.set;
  Uint8Array.prototype.set = function (source, offset) {
    copied += source.length;
    return set.call(this, source, offset);
  };
  try {
    assertEquals(decode(bytesOf(text)), [text]);
  } finally {
    Uint8Array.prototype.set = set;
  }
  assertEquals(copied < 4 * text.length, true, `${copied} bytes were copied`);
});
