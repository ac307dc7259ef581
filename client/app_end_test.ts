import { assertEquals } from "@std/assert";
import { ALICE, Bench, HELLO } from "./test_bench.ts";

Deno.test("the end of input waits for acknowledgements and then logs out", async () => {
  const bench = await Bench.loggedIn();
  bench.type("chat:2:a");
  bench.app.post({ type: "eof" });
  assertEquals(bench.took().map((frame) => frame.msgid), [6]);
  bench.stores("m1", 1);
  assertEquals(bench.took().map((frame) => frame.msgid), [3]);
  assertEquals(bench.exit, undefined);
  bench.says({ msgid: 17 });
  assertEquals(bench.exit, 0);
});

Deno.test("the end of input with something unsent ends after 5 s with status 1", async () => {
  const bench = await Bench.loggedIn();
  bench.up = false;
  await bench.breaks();
  bench.type("chat:2:a");
  bench.app.post({ type: "eof" });
  await bench.clock.pass(4999);
  assertEquals(bench.exit, undefined);
  await bench.clock.pass(1);
  assertEquals(bench.exit, 1);
  assertEquals(bench.lines.slice(-2), ["not sent to 2: a", "1 message was not sent"]);
});

Deno.test("the end of input is noticed behind a line that waits for a message never stored", async () => {
  for (const errno of [undefined, 108]) {
    const bench = await Bench.loggedIn();
    bench.type("chat:2:hello", "friends", "groups");
    bench.app.post({ type: "eof" });
    for (let tenths = 0; tenths < 50; tenths++) {
      assertEquals(bench.exit, undefined);
      if (errno && bench.took().length > 0) {
        bench.says({ msgid: 16, errno, errmsg: "later", ref: 6, mid: "m1" });
      }
      await bench.clock.pass(100);
    }
    assertEquals(bench.exit, 1);
    assertEquals(bench.printed(), [
      "sending… to 2: hello",
      "not sent to 2: hello",
      "1 message was not sent",
      "2 lines were not carried out",
    ]);
  }
});

Deno.test("after the end of input lines go on as long as something is taken or acknowledged", async () => {
  const bench = await Bench.loggedIn();
  bench.type("chat:2:a", "chat:2:b", "history:2", "loginout", "3");
  bench.app.post({ type: "eof" });
  await bench.clock.pass(4000);
  bench.stores("m1", 1);
  await bench.clock.pass(4000);
  bench.stores("m2", 2);
  await bench.clock.pass(20_000);
  bench.took();
  bench.says({ msgid: 21, conv: "u1-2", messages: [], more: false });
  assertEquals(bench.took().map((frame) => frame.msgid), [3]);
  bench.says({ msgid: 17 });
  assertEquals(bench.exit, 0);
});

Deno.test("logging out with something unsent leaves the connection, on which nobody else could log in", async () => {
  const bench = await Bench.loggedIn(ALICE, { interactive: true });
  bench.type("chat:2:a", "loginout");
  await bench.clock.pass(5000);
  assertEquals(bench.printed().slice(-3), ["1. login", "2. register", "3. quit"]);
  bench.took();
  bench.type("1", "bob", "secret");
  await bench.clock.pass(0);
  assertEquals(bench.took(), [{ msgid: 1, v: 2, name: "bob", password: "secret" }]);
  assertEquals(bench.dials, 2);
});

Deno.test("quit ignores what follows; an interrupt in the menu leaves at once", async () => {
  const bench = await Bench.loggedIn();
  bench.type("quit", "chat:2:a");
  assertEquals(bench.took().map((frame) => frame.msgid), [3]);
  bench.says({ msgid: 17 });
  assertEquals(bench.exit, 0);
  const idle = new Bench({ interactive: true });
  await idle.app.start();
  idle.app.post({ type: "interrupt" });
  assertEquals(idle.exit, 0);
});

Deno.test("logging out while the connection is down goes on in the menu", async () => {
  const bench = await Bench.loggedIn();
  bench.up = false;
  await bench.breaks();
  bench.app.post({ type: "timer", run: () => bench.type("loginout", "3") });
  assertEquals(bench.exit, 0);
});

Deno.test("receipts that still gather are sent before logging out", async () => {
  const bench = await Bench.loggedIn();
  bench.says(HELLO);
  bench.type("quit");
  assertEquals(bench.took(), [{ msgid: 13, conv: "u1-2", seq: 1, kind: "read" }, { msgid: 3, id: 1 }]);
});
