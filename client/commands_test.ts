import { assert, assertEquals, assertMatch } from "@std/assert";
import { COMMANDS, helpLines, isMessage, parseLine } from "./commands.ts";
import { SLASH_COMMANDS } from "./slash.ts";

Deno.test("every command, as typed", () => {
  const cases: [string, unknown][] = [
    ["help", { do: "help" }],
    ["  friends ", { do: "friends" }],
    ["chat:2:at 12:30: lunch?", { do: "chat", friend: { id: 2 }, text: "at 12:30: lunch?" }],
    ["chat: 2 :  indented", { do: "chat", friend: { id: 2 }, text: "  indented" }],
    ["addfriend:2", { do: "addfriend", friend: { id: 2 } }],
    ["ackaddfriend:2:true", { do: "ackaddfriend", friend: { id: 2 }, flag: true }],
    ["ackaddfriend:2:false", { do: "ackaddfriend", friend: { id: 2 }, flag: false }],
    ["creategroup:devs:about: code", { do: "creategroup", name: "devs", description: "about: code" }],
    ["creategroup:devs:", { do: "creategroup", name: "devs", description: "" }],
    ["addgroup:4", { do: "addgroup", group: 4 }],
    ["groupchat:4:a:b", { do: "groupchat", group: { group: 4 }, text: "a:b" }],
    ["history:2", { do: "history", with: { id: 2 }, count: undefined }],
    ["history:g4:7", { do: "history", with: { group: 4 }, count: 7 }],
    ["chat:bob:hi", { do: "chat", friend: { name: "bob" }, text: "hi" }],
    ['chat:"2":hi', { do: "chat", friend: { name: "2" }, text: "hi" }],
    ["chat:#2:hi", { do: "chat", friend: { id: 2 }, text: "hi" }],
    ["groupchat:devs:hi", { do: "groupchat", group: { groupName: "devs" }, text: "hi" }],
    ["history:bob", { do: "history", with: { name: "bob" }, count: undefined }],
    ["/reply bob #3 see above", {
      ...{ do: "amend", where: { name: "bob" }, which: 3 },
      change: { kind: "reply", msg: "see above" },
    }],
    ["/edit g5 last new  text", {
      ...{ do: "amend", where: { group: 5 }, which: "last" },
      change: { kind: "edit", msg: "new  text" },
    }],
    ["/recall #2 last", { do: "amend", where: { id: 2 }, which: "last", change: { kind: "recall" } }],
    ["/react g:devs 3 👍", {
      ...{ do: "amend", where: { groupName: "devs" }, which: 3 },
      change: { kind: "react", emoji: "👍", on: true },
    }],
    ['/react "g5" 3 👍 off', {
      ...{ do: "amend", where: { name: "g5" }, which: 3 },
      change: { kind: "react", emoji: "👍", on: false },
    }],
    ["/history 2", { do: "history", with: { name: "2" }, count: undefined }],
    ["/history #2 7", { do: "history", with: { id: 2 }, count: 7 }],
    ["/search two words", { do: "search", text: "two words", where: undefined }],
    ['/search in:"Ann Lee" 你好', { do: "search", text: "你好", where: { name: "Ann Lee" } }],
    ["/unfriend bob", { do: "unfriend", who: { name: "bob" } }],
    ["/members devs", { do: "members", room: { groupName: "devs" } }],
    ["/devices", { do: "devices" }],
    ["/devices end phone", { do: "end device", device: "phone" }],
    ["/requests", { do: "requests" }],
    ["groups", { do: "groups" }],
    ["loginout", { do: "loginout" }],
    ["quit", { do: "quit" }],
    ["   ", undefined],
  ];
  for (const [line, expected] of cases) assertEquals(parseLine(line), expected, line);
});

Deno.test("wrong usage prints that command's usage", () => {
  const wrong = [
    ...["chat", "chat:", "chat:2", "chat:2:", "chat::y", "chat:0:y"],
    ...["chat:99999999999999999999:y", "addfriend", "addfriend:", "ackaddfriend:2", "ackaddfriend:2:yes"],
    ...[
      "creategroup:a",
      "creategroup::b",
      "addgroup:g1",
      "groupchat:1",
      "history",
      "history:2:0",
    ],
    ...["history:2:201", "loginout:1", "help:me"],
  ];
  for (const line of wrong) {
    assertEquals(parseLine(line), { say: `usage: ${COMMANDS[line.split(":")[0]!]!.usage}` }, line);
  }
});

Deno.test("wrong usage of a command with a slash prints its usage", () => {
  const wrong = [
    ...[
      "/reply bob 3",
      "/reply bob x hello",
      "/edit bob",
      "/recall bob",
      "/recall bob 0",
      "/recall bob 1 more",
    ],
    ...[
      "/react bob 1",
      "/react bob 1 a b",
      "/react bob 1 a off c",
      "/history",
      "/history #0",
      "/history bob 201",
    ],
    ...["/search", "/search in:bob", "/unfriend", "/unfriend a b", "/members", "/members g0", "/members a b"],
    ...["/devices end", "/devices drop x", "/requests now"],
  ];
  for (const line of wrong) {
    const name = /\w+/.exec(line)![0];
    assertEquals(parseLine(line), { say: `usage: ${SLASH_COMMANDS[name]!.usage}` }, line);
  }
});

Deno.test("an unknown command says so and points to help", () => {
  for (const line of ["nope", "/nope", "/", "/constructor", "Chat:1:x", "constructor", "__proto__:1"]) {
    const said = parseLine(line);
    const sentence = said !== undefined && "say" in said ? said.say : "";
    assertMatch(sentence, /^unknown command .*: type help/, line);
  }
});

Deno.test("help has a line for every command", () => {
  const lines = helpLines();
  const all = [...Object.values(COMMANDS), ...Object.values(SLASH_COMMANDS)];
  for (const command of all) assert(lines.some((line) => line.startsWith(command.usage)));
});

Deno.test("lines that send messages are known", () => {
  assertEquals(["chat:1:a", " groupchat:1:a", "addfriend:1", "ackaddfriend:1:true"].every(isMessage), true);
  assertEquals(["history:1", "chatter", "friends", "quit"].some(isMessage), false);
});
