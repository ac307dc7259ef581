import { assertEquals, assertMatch } from "@std/assert";
import { readArguments } from "./main.ts";

Deno.test("host and port, or what stands for them", () => {
  assertEquals(readArguments([]), { host: "127.0.0.1", port: 8888 });
  assertEquals(readArguments(["chat.example"]), { host: "chat.example", port: 8888 });
  assertEquals(readArguments(["::1", "6000"]), { host: "::1", port: 6000 });
  assertEquals(readArguments(["a", "--help"]), "help");
  assertEquals(readArguments(["-h"]), "help");
});

Deno.test("wrong arguments are one sentence each", () => {
  const wrong = [["a", "b"], ["a", "0"], ["a", "65536"], ["a", "1.5"], ["a", "1", "2"], ["--port", "1"], [
    "-x",
  ], [""]];
  for (const args of wrong) {
    const read = readArguments(args);
    const sentence = typeof read === "object" && "wrong" in read ? read.wrong : "";
    assertMatch(sentence, /^[^\n]+$/, args.join(" "));
  }
});
