import { assert, assertEquals, assertMatch } from "@std/assert";
import { COMMANDS, helpLines, isMessage, parseLine } from "./commands.ts";

Deno.test("every command, as typed", () => {
  const cases: [string, unknown][] = [
    ["help", { do: "help" }],
    ["  friends ", { do: "friends" }],
    ["chat:2:at 12:30: lunch?", { do: "chat", friend: 2, text: "at 12:30: lunch?" }],
    ["chat: 2 :  indented", { do: "chat", friend: 2, text: "  indented" }],
    ["addfriend:2", { do: "addfriend", friend: 2 }],
    ["ackaddfriend:2:true", { do: "ackaddfriend", friend: 2, flag: true }],
    ["ackaddfriend:2:false", { do: "ackaddfriend", friend: 2, flag: false }],
    ["creategroup:devs:about: code", { do: "creategroup", name: "devs", description: "about: code" }],
    ["creategroup:devs:", { do: "creategroup", name: "devs", description: "" }],
    ["addgroup:4", { do: "addgroup", group: 4 }],
    ["groupchat:4:a:b", { do: "groupchat", group: 4, text: "a:b" }],
    ["history:2", { do: "history", with: { friend: 2 }, count: undefined }],
    ["history:g4:7", { do: "history", with: { group: 4 }, count: 7 }],
    ["groups", { do: "groups" }],
    ["loginout", { do: "loginout" }],
    ["quit", { do: "quit" }],
    ["   ", undefined],
  ];
  for (const [line, expected] of cases) assertEquals(parseLine(line), expected, line);
});

Deno.test("wrong usage prints that command's usage", () => {
  const wrong = [
    ...["chat", "chat:", "chat:2", "chat:2:", "chat:x:y", "chat:0:y", "chat:-1:y", "chat:1e3:y"],
    ...["chat:99999999999999999999:y", "addfriend", "addfriend:bob", "ackaddfriend:2", "ackaddfriend:2:yes"],
    ...[
      "creategroup:a",
      "creategroup::b",
      "addgroup:g1",
      "groupchat:1",
      "history",
      "history:g",
      "history:2:0",
    ],
    ...["history:2:201", "history:u1-2", "loginout:1", "help:me"],
  ];
  for (const line of wrong) {
    assertEquals(parseLine(line), { say: `usage: ${COMMANDS[line.split(":")[0]!]!.usage}` }, line);
  }
});

Deno.test("an unknown command says so and points to help", () => {
  for (const line of ["nope", "Chat:1:x", "constructor", "__proto__:1"]) {
    const said = parseLine(line);
    const sentence = said !== undefined && "say" in said ? said.say : "";
    assertMatch(sentence, /^unknown command .*: type help/, line);
  }
});

Deno.test("help has a line for every command", () => {
  const lines = helpLines();
  for (const command of Object.values(COMMANDS)) assert(lines.some((line) => line.startsWith(command.usage)));
});

Deno.test("lines that send messages are known", () => {
  assertEquals(["chat:1:a", " groupchat:1:a", "addfriend:1", "ackaddfriend:1:true"].every(isMessage), true);
  assertEquals(["history:1", "chatter", "friends", "quit"].some(isMessage), false);
});
