import { assert, assertEquals } from "@std/assert";
import { Errno } from "../errors.ts";
import { Msg } from "./msgid.ts";
import page from "./README.md" with { type: "text" };
import { LIMITS, SCHEMAS } from "./schemas.ts";

const rows = page.split("\n").filter((line) => line.startsWith("| "))
  .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
const messages = new Map(rows.filter((row) => row.length === 5).map((row) => [row[0]!, row]));

Deno.test("protocol page: has every message under its number and name, and no others", () => {
  const numbers = Object.entries(Msg).map(([name, number]) => `${number} ${name}`);
  const described = [...messages.values()].map(([number, name]) => `${number} ${name}`);
  assertEquals(described.filter((row) => /^\d/.test(row)), numbers);
});

Deno.test("protocol page: names every field that a client's frame is checked for, and no others", () => {
  for (const [msgid, schema] of Object.entries(SCHEMAS)) {
    const [, name, direction, v1 = "", v2 = ""] = messages.get(msgid) ?? [];
    assert(direction === "c→s" || direction === "both", `${name} comes from clients`);
    const fromClient = [v1, v2].map((cell) =>
      direction === "c→s" ? cell : cell.split("; ").filter((part) => part.startsWith("c→s")).join()
    ).join();
    const fields = [...fromClient.matchAll(/`(\w+)`/g)].map(([, field]) => field!);
    assertEquals([...new Set(fields)].sort(), Object.keys(schema.shape).sort(), name);
  }
});

Deno.test("protocol page: messages from clients are those with a schema", () => {
  const fromClients = [...messages.values()].filter(([, , direction]) =>
    direction === "c→s" || direction === "both"
  );
  assertEquals(fromClients.map(([number]) => number), Object.keys(SCHEMAS));
});

Deno.test("protocol page: lists every errno and no others", () => {
  const numbers = rows.filter((row) => row.length === 2).map(([number]) => number).filter((cell) =>
    /^\d+$/.test(cell!)
  );
  assertEquals(numbers, Object.values(Errno).map(String));
});

Deno.test("protocol page: states the limits as they are", () => {
  for (const text of [`names 1–${LIMITS.name}`, `0–${LIMITS.groupDescription}`, `1–${LIMITS.password}`]) {
    assert(page.includes(text), text);
  }
  assert(page.includes(`at most ${LIMITS.mid} characters`) && page.includes(`1 to ${LIMITS.history}`));
});
