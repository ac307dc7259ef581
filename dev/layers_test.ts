import { assertEquals } from "@std/assert";
import { check, type Edge, readGraph } from "./layers.ts";

/** `a → b` is an import, `a ⇢ b` one of types only. */
function violations(imports: string[], texts: Record<string, string> = {}): string[] {
  const edges = imports.map((line): Edge => {
    const [from = "", arrow, to = ""] = line.split(" ");
    return { from, to, typeOnly: arrow === "⇢" };
  });
  const local = [...edges.map(({ from }) => from), ...Object.keys(texts)];
  return check({ files: [...new Set(local)], edges, texts: new Map(Object.entries(texts)) });
}

/** Of each import given, whether it is forbidden. */
function forbidden(imports: string[]): string[] {
  return imports.filter((line) => violations([line]).length > 0);
}

Deno.test("what the rooms are for is allowed", () => {
  const allowed = [
    "main.ts → server/app.ts",
    "server/app.ts → server/stores/sqlite/open.ts",
    "server/config.ts → npm:zod",
    "server/net/router.ts ⇢ server/services/chat.ts",
    "server/net/router.ts → server/net/limits.ts",
    "server/services/chat.ts → server/stores/store.ts",
    "server/stores/sqlite/open.ts → node:sqlite",
    "server/stores/sqlite/open.ts → sql/sqlite/001.sql",
    "server/bus/redis.ts → npm:redis",
    "server/ops/logger.ts → node:os",
    "client/app.ts → server/protocol/msgid.ts",
    "client/app_test.ts → @std",
    "dev/bench/main.ts → server/stores/sqlite/open.ts",
    "dev/e2e/login_test.ts → dev/e2e/harness.ts",
  ];
  assertEquals(forbidden(allowed), []);
});

Deno.test("what crosses the rooms is found", () => {
  const imports = [
    "main.ts → server/net/listener.ts",
    "server/errors.ts → server/protocol/msgid.ts",
    "server/net/router.ts → server/services/chat.ts",
    "server/net/router.ts ⇢ server/stores/store.ts",
    "server/services/chat.ts → server/stores/sqlite/open.ts",
    "server/services/chat.ts ⇢ server/net/router.ts",
    "server/services/chat.ts → npm:mysql2",
    "server/stores/store.ts → node:sqlite",
    "server/bus/redis.ts → server/stores/store.ts",
    "server/protocol/schemas.ts → @std",
    "client/app.ts → server/config.ts",
    "client/app.ts → client/app_test.ts",
    "server/net/router.ts → dev/e2e/wire.ts",
    "server/net/router_test.ts → dev/e2e/wire.ts",
  ];
  assertEquals(forbidden(imports), imports);
});

Deno.test("a violation says from where, to where and why", () => {
  assertEquals(violations(["server/net/a.ts → server/services/b.ts", "server/ops/a.ts → npm:zod"]), [
    "server/net/a.ts → server/services/b.ts: server/net/ may only `import type` this",
    "server/ops/a.ts → npm:zod: server/ops/ may import only server/errors.ts, server/system.ts, @std, node:*",
  ]);
});

Deno.test("a file that no rule covers is found", () => {
  assertEquals(violations([], { "server/new_room/a.ts": "" }).length, 1);
});

Deno.test("Deno in a service is found, unless in a comment", () => {
  assertEquals(violations([], { "server/services/a.ts": "/** Deno.x */ const a = 1; // Deno.y" }), []);
  assertEquals(violations([], { "server/services/a.ts": "const a = Deno.pid;" }), [
    "server/services/a.ts → Deno.: not in server/services/",
  ]);
});

Deno.test("a circle is found, unless it is of types or of tests", () => {
  const [a, b, c] = ["client/a.ts", "client/b.ts", "client/c.ts"];
  assertEquals(violations([`${a} → ${b}`, `${b} → ${c}`, `${c} → ${a}`]), [
    `${a} → ${b} → ${c} → ${a}: a circle`,
  ]);
  assertEquals(violations([`${a} → ${b}`, `${b} ⇢ ${a}`, `${a} → ${c}`, `${b} → ${c}`]), []);
  assertEquals(
    violations(["client/a_test.ts → client/b_test.ts", "client/b_test.ts → client/a_test.ts"]),
    [],
  );
});

Deno.test("the graph is read from files, whichever folders there are", async () => {
  const root = `${await Deno.makeTempDir()}/`;
  try {
    await Deno.writeTextFile(
      `${root}deno.json`,
      `{ "imports": { "@std/x": "npm:deno-std@1.4.0/assert/mod.js" } }`,
    );
    await Deno.copyFile(new URL("../deno.lock", import.meta.url), `${root}deno.lock`);
    await Deno.mkdir(`${root}server/services`, { recursive: true });
    await Deno.writeTextFile(`${root}server/errors.ts`, `export type E = 1;\n`);
    await Deno.writeTextFile(
      `${root}server/services/a.ts`,
      `import type { E } from "../errors.ts";\nimport { hash } from "node:crypto";\nimport "@std/x";\n`,
    );
    const { files, edges, texts } = await readGraph(root);
    assertEquals(files, ["server/errors.ts", "server/services/a.ts"]);
    assertEquals(edges, [
      { from: "server/services/a.ts", to: "server/errors.ts", typeOnly: true },
      { from: "server/services/a.ts", to: "node:crypto", typeOnly: false },
      { from: "server/services/a.ts", to: "@std", typeOnly: false },
    ]);
    assertEquals([...texts.keys()], ["server/services/a.ts"]);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
