import { assertEquals } from "@std/assert";
import { readOptions } from "./options.ts";

Deno.test("cluster: two nodes on 6000 and 6002 behind 8888, unless flags say otherwise", () => {
  assertEquals(readOptions([]), { nodes: 2, port: 8888, nodePorts: [6000, 6002], keep: undefined });
  assertEquals(readOptions(["--nodes=3", "--port", "1", "--first-port", "7001", "--keep", "d"]), {
    nodes: 3,
    port: 1,
    nodePorts: [7001, 7003, 7005],
    keep: "d",
  });
  assertEquals(readOptions(["--nodes", "x", "-h"]), "help");
});

Deno.test("cluster: a wrong command line is one sentence", () => {
  const wrong = (...args: string[]) => {
    const options = readOptions(args);
    return typeof options === "object" && "wrong" in options ? options.wrong : options;
  };
  for (const value of ["0", "17", "two", "1.5", "-1"]) {
    assertEquals(wrong(`--nodes=${value}`), "--nodes must be a number from 1 to 16");
  }
  assertEquals(wrong("--port=65536"), "--port must be a number from 1 to 65535");
  assertEquals(wrong("--first-port=65534"), "--first-port must be a number from 1 to 65533 for 2 nodes");
  assertEquals(wrong("--port=6002"), "port 6002 cannot be both nginx's and a node's");
  assertEquals(wrong("--keep"), "--keep needs a value");
  assertEquals(wrong("--kept=x"), "unknown argument --kept=x");
  assertEquals(wrong("more"), "unknown argument more");
});
