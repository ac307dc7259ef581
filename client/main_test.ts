import { assertEquals, assertMatch } from "@std/assert";
import { readArguments } from "./main.ts";

Deno.test("host and port, or what stands for them", () => {
  const usual = (host: string) => ({ tries: [{ host, port: 8888 }, { host, port: 6000 }] });
  const one = (host: string, port: number) => ({ tries: [{ host, port }] });
  assertEquals(readArguments([]), usual("127.0.0.1"));
  assertEquals(readArguments(["chat.example"]), usual("chat.example"));
  assertEquals(readArguments(["chat.example:7000"]), one("chat.example", 7000));
  assertEquals(readArguments(["chat.example", "7000"]), one("chat.example", 7000));
  assertEquals(readArguments(["::1", "6000"]), one("::1", 6000));
  assertEquals(readArguments(["[::1]:6000"]), one("::1", 6000));
  assertEquals(readArguments(["[::1]"]), usual("::1"));
  assertEquals(readArguments(["::1"]), usual("::1"));
  assertEquals(readArguments(["--version"]), "version");
  assertEquals(readArguments(["a", "--help"]), "help");
  assertEquals(readArguments(["-h"]), "help");
});

Deno.test("wrong arguments are one sentence each", () => {
  const wrong = [
    ["a", "b"],
    ["a:b"],
    ["a:0"],
    [":1"],
    ["[]:1"],
    ["a", "0"],
    ["a", "65536"],
    ["a", "1.5"],
    ["a", "1", "2"],
    ["--port", "1"],
    [
      "-x",
    ],
    [""],
  ];
  for (const args of wrong) {
    const read = readArguments(args);
    const sentence = typeof read === "object" && "wrong" in read ? read.wrong : "";
    assertMatch(sentence, /^[^\n]+$/, args.join(" "));
  }
});
