import { assertEquals, assertMatch } from "@std/assert";
import { readArguments } from "./arguments.ts";

Deno.test("host and port, together or apart, or what stands for them", () => {
  const places = (...args: string[]) => {
    const read = readArguments(args);
    return "places" in read ? read.places.map(({ host, port }) => `${host} ${port}`) : read;
  };
  assertEquals(places(), ["127.0.0.1 8888", "127.0.0.1 6000"]);
  assertEquals(places("chat.example"), ["chat.example 8888", "chat.example 6000"]);
  assertEquals(places("chat.example", "7000"), ["chat.example 7000"]);
  assertEquals(places("chat.example:7000"), ["chat.example 7000"]);
  assertEquals(places("::1", "6000"), ["::1 6000"]);
  assertEquals(places("[::1]:6000"), ["::1 6000"]);
  assertEquals(places("[::1]", "6000"), ["::1 6000"]);
  assertEquals(places("fe80::1"), ["fe80::1 8888", "fe80::1 6000"]);
});

Deno.test("options", () => {
  assertEquals(readArguments(["a", "--help"]), { do: "help" });
  assertEquals(readArguments(["-h"]), { do: "help" });
  assertEquals(readArguments(["--version"]), { do: "version" });
  const read = readArguments(["--no-suspend", "a:1"]);
  assertEquals(read, { do: "chat", places: [{ host: "a", port: 1 }], suspend: false });
  assertEquals(readArguments(["--device", "7", "a:1"]), {
    ...{ do: "chat", places: [{ host: "a", port: 1 }], suspend: true, device: "7" },
  });
});

Deno.test("wrong arguments are one sentence each", () => {
  const wrong = [
    ["a", "b"],
    ["a", "0"],
    ["a", "65536"],
    ["a", "1.5"],
    ["a", "1", "2"],
    ["a:1", "1"],
    ["a:"],
    ["a:b"],
    [":1"],
    ["[]:1"],
    ["--port", "1"],
    ["-x"],
    ["--device"],
    ["--device", "my phone"],
    ["--device", "x".repeat(41)],
    [""],
  ];
  for (const args of wrong) {
    const read = readArguments(args);
    assertMatch("wrong" in read ? read.wrong : "", /^[^\n]+$/, args.join(" "));
  }
});
