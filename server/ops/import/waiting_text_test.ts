import { assertEquals } from "@std/assert";
import { readWaiting } from "./waiting_text.ts";

const REST = '"msgid":6,"name":"ann","time":"2026-11-22 12:07:24","toid":2}';
const chat = (raw: string) => `{"id":1,"msg":"${raw}",${REST}`;
/** What a database makes of a text in quotes: each backslash is one of its own. */
const throughSql = (text: string) =>
  text.replaceAll(
    /\\(.)/gs,
    (_, next: string) => ({ n: "\n", r: "\r", t: "\t", b: "\b", 0: "\0" })[next] ?? next,
  );

Deno.test("waiting text: what was recorded of the older servers is read", () => {
  const cases = [
    [
      '{"id":1413,"msg":"while away 1","msgid":6,"name":"ann","time":"2026-11-22 12:07:24","toid":1414}',
      ["chat", 1413, undefined, "while away 1", "2026-11-22 12:07:24", "none"],
    ],
    [
      '{"groupid":4,"id":1414,"msg":"and back","msgid":11,"name":"bob","time":"2026-11-22 12:07:29"}',
      ["chat", 1414, 4, "and back", "2026-11-22 12:07:29", "none"],
    ],
    [
      '{"from":1413,"msg":"用户ID: 1413 ,请求添加您为好友1414","msgid":7,"toid":1414}',
      ["request", 1413, undefined, "用户ID: 1413 ,请求添加您为好友1414", undefined, "none"],
    ],
    [
      '{"from":1414,"msg":"I very happy to make friends with you!!!","msgid":8,"toid":1413}',
      ["answer", 1414, undefined, "I very happy to make friends with you!!!", undefined, "none"],
    ],
    // As clients send them.
    ['{"friendid":1414,"id":1413,"msgid":7}', ["request", 1413, undefined, undefined, undefined, "none"]],
    [
      ' {"msgid": 6, "toid": 2, "id": 1, "msg": "spaced \\"out\\""}',
      ["chat", 1, undefined, 'spaced "out"', undefined, "none"],
    ],
  ] as const;
  for (const [json, expected] of cases) {
    const read = readWaiting(json);
    assertEquals(
      [read?.kind, read?.sender, read?.group, read?.text, read?.time, read?.damage],
      [...expected],
      json,
    );
  }
  assertEquals(readWaiting('{"flag":true,"friendid":1,"id":2,"msgid":8}')?.flag, true);
});

Deno.test("waiting text: lost backslashes are repaired", () => {
  for (
    const text of [
      'she said "no"',
      '"',
      "two\nlines\tand a tab",
      'a "quoted", word',
      'injected","id":5,"msg":"x',
      'tricky","msgid":7,"toid":3}',
      'C:\\Users\\new "x"',
      '{"json":["in json"]}',
    ]
  ) {
    const stored = throughSql(chat(JSON.stringify(text).slice(1, -1)));
    const read = readWaiting(stored);
    assertEquals([read?.sender, read?.text, read?.damage], [1, text, "repaired"], stored);
    assertEquals(read?.time, "2026-11-22 12:07:24");
  }
});

Deno.test("waiting text: a text that is valid either way is given in both readings", () => {
  const text = "C:\\new\\table";
  const read = readWaiting(throughSql(chat(JSON.stringify(text).slice(1, -1))));
  assertEquals([read?.text, read?.literal, read?.damage], ["C:\new\table", text, "none"]);
  assertEquals(readWaiting(chat("no backslash"))?.literal, undefined);
});

Deno.test("waiting text: escapes without backslash become characters, words do not", () => {
  for (
    const [stored, text] of [
      ["u4f60u597d", "你好"],
      ["hello u4f60", "hello 你"],
      ["u4f60u597d, bob", "你好, bob"],
      ["ud83dude00", "😀"],
      // Half a character, ASCII, parts of words, names of users.
      ["ud83d", "ud83d"],
      ["u0041u0042", "u0041u0042"],
      ["menubeef", "menubeef"],
      ["ask u1234 or u5678", "ask u1234 or u5678"],
      // Who writes this escapes nothing.
      ["你好 u4f60u597d", "你好 u4f60u597d"],
    ]
  ) {
    assertEquals(readWaiting(chat(stored!))?.text, text);
  }
});

Deno.test("waiting text: what the older server has cut off is read as far as it goes", () => {
  const whole = `{"groupid":4,"id":1,"msg":"${"x".repeat(30)}",${REST}`;
  const cut = (length: number) => {
    const read = readWaiting(whole.slice(0, length));
    return [read?.kind, read?.group, read?.text, read?.damage];
  };
  const begin = whole.indexOf("xxx");
  assertEquals(cut(begin + 10), ["chat", 4, "x".repeat(10), "cut"]);
  for (const more of [30, 31, 33, 38, 45, 60]) {
    assertEquals(cut(begin + more), ["chat", 4, "x".repeat(30), "cut"], `${more}`);
  }
  assertEquals(readWaiting('{"id":1,"msg":"half \\u4f')?.text, "half ");
});

Deno.test("waiting text: anything else is no message", () => {
  for (
    const text of [
      "",
      "{",
      "5 byt",
      "null",
      "[1]",
      "123456",
      '{"id":1}',
      '{"msgid":6}',
      '{"id":"1","msg":"x","msgid":6}',
      '{"id":0,"msg":"x","msgid":6,"toid":1}',
      '{"id":-1,"msg":"x","msgid":6,"toid":1}',
      '{"id":1e300,"msg":"x","msgid":6}',
      '{"id":1,"msg":5,"msgid":6}',
      '{"id":1,"msg":"x","msgid":11}',
      '{"id":1,"msg":"x","msgid":1}',
      '{"id":1,"msg":"x","msgid":"toString"}',
      '{"from":1,"msg":"cut off bef',
      '{"id":007,"msg":"x","msgid":6}',
      "\0\0\0",
      "\ufffd".repeat(500),
    ]
  ) {
    assertEquals(readWaiting(text), undefined, text);
  }
});

Deno.test("waiting text: a hostile one costs time in proportion to its length", () => {
  const began = performance.now();
  for (const piece of ['","msgid":6,"name":"', '"msg":"', '\\"', "u4f60", '{"id":1,"msg":"', '","time":"']) {
    readWaiting(`{"id":1,"msg":"${piece.repeat(20_000)}`);
    readWaiting(chat(piece.repeat(20_000)));
  }
  assertEquals(performance.now() - began < 10_000, true);
});
