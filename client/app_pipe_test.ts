import { assertEquals } from "@std/assert";
import { ALICE, Bench, type Fields } from "./test_bench.ts";

/** A pipe that logs alice in, types these lines and ends; the server answers each message or request with `answer`. */
async function run(lines: string[], answer?: Fields): Promise<Bench> {
  const bench = await Bench.loggedIn();
  bench.type(...lines);
  bench.app.post({ type: "eof" });
  for (const frame of bench.took()) {
    if (frame.msgid !== 3 && answer) bench.says({ ...answer, ref: frame.msgid, mid: frame.mid });
  }
  for (const frame of bench.took()) if (frame.msgid === 3) bench.says({ msgid: 17 });
  if (bench.exit === undefined) bench.says({ msgid: 17 });
  return bench;
}

Deno.test("a pipe exits with 1 when something was refused, and with 0 otherwise", async () => {
  assertEquals((await run(["friends", "help"])).exit, 0);
  assertEquals((await run(["chat:2:a"], { msgid: 12, conv: "u1-2", seq: 1, at: 0 })).exit, 0);
  assertEquals((await run(["chat:2:a"], { msgid: 16, errno: 103, errmsg: "no such user" })).exit, 1);
  assertEquals((await run(["chat:2:" + "x".repeat(70_000)])).exit, 1);
  assertEquals((await run(["addgroup:9"], { msgid: 19, errno: 104, groupid: 9 })).exit, 1);
  assertEquals((await run(["chat:2", "friends"])).exit, 1);
  assertEquals((await run(["nonsense"])).exit, 1);
});

Deno.test("a person's refused commands are no failure of the program", async () => {
  const bench = await Bench.loggedIn(ALICE, { interactive: true });
  bench.type("nonsense", "quit");
  bench.says({ msgid: 17 });
  assertEquals(bench.exit, 0);
});

Deno.test("after a refused login a pipe takes no further line, and says so", async () => {
  for (const answer of [{ msgid: 2, errno: 1, errmsg: "no" }, { msgid: 2, errno: 2, errmsg: "no" }]) {
    const bench = new Bench();
    await bench.app.start();
    bench.type("1", "alice", "wrong", "2", "new", "account");
    bench.took();
    bench.says(answer);
    assertEquals(bench.took(), []);
    assertEquals(bench.exit, 1);
    assertEquals(bench.lines.slice(3), [
      `error ${answer.errno}: no`,
      "the rest of the input was not carried out",
    ]);
  }
});

Deno.test("a pipe whose login ends is not back in the menu either", async () => {
  const bench = await Bench.loggedIn();
  bench.type("creategroup:a:b", "chat:2:hello");
  bench.says({ msgid: 22, reason: "takeover", reconnect_ms: 0 });
  assertEquals(bench.exit, 1);
  assertEquals(bench.printed(), [
    "logged out: another client has taken over this account",
    "the rest of the input was not carried out",
  ]);
});

Deno.test("a refused registration lets a pipe go on to log in", async () => {
  const bench = new Bench();
  await bench.app.start();
  bench.type("2", "alice", "secret", "1", "alice", "secret");
  bench.says({ msgid: 5, errno: 1 });
  assertEquals(bench.took().map((frame) => frame.msgid), [4, 1]);
  assertEquals(bench.exit, undefined);
});
