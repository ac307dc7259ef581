import { assert, assertEquals, assertMatch } from "@std/assert";
import { Cluster, needsServices } from "./cluster.ts";
import { join, logIn, TestServer } from "./harness.ts";
import { within } from "../services/process.ts";

/** The lines of a log with this message, without their times. */
const linesOf = (server: TestServer, message: string) =>
  server.log.filter((line) => line.includes(` ${message}`)).map((line) => line.slice(25).trim());

Deno.test("log: logins, failed logins and logouts are a line each, without texts, passwords and tokens", async () => {
  await using server = await TestServer.start("--rate=50");
  await using ann = await join(server, "ann");
  await using stranger = await server.connect();
  const wrong = { msgid: 1, id: ann.id, password: "open sesame", v: 2 };
  assertEquals((await stranger.ask(wrong, 2)).errno, 1);
  const token = "t".repeat(43);
  assertEquals((await stranger.ask({ msgid: 1, name: "ann", token, v: 2 }, 2)).errno, 1);
  await ann.wire.ask({ msgid: 6, toid: ann.id, msg: "a secret text", mid: "m" }, 12);
  await using again = await server.connect();
  const over = { msgid: 1, id: ann.id, password: ann.password, v: 2, takeover: true };
  assertEquals((await again.ask(over, 2)).errno, 0);
  await ann.wire.gone();
  await again.ask({ msgid: 3 }, 17);
  await using last = await logIn(server, { id: ann.id, name: "ann" });
  for (let i = 0; i < 200; i++) await last.wire.send({ msgid: 14 });
  await last.wire.next(16);
  last.wire.close();
  assert(await within(5000, () => linesOf(server, "logged out").length === 3));

  const from = "connection=127\\.0\\.0\\.1:\\d+";
  const ids = linesOf(server, "logged in").map((line) =>
    line.match(`^info +logged in user=1 (${from}) v=2$`)?.[1]
  );
  assertEquals(new Set(ids).size, 3);
  assertEquals(
    linesOf(server, "logged out"),
    ["takeover", "logout", "closed"].map((reason, i) => `info  logged out user=1 ${ids[i]} reason=${reason}`),
  );
  const [byId, byName] = linesOf(server, "login failed");
  assertMatch(byId!, new RegExp(`^info +login failed user=1 ${from} reason=`));
  assertMatch(byName!, new RegExp(`^info +login failed user=ann ${from} reason=`));
  assertEquals(linesOf(server, "limit reached").length, 1);
  const all = server.log.join("");
  for (const secret of ["sesame", ann.password, token, "a secret text", ann.ack.token]) {
    assert(!all.includes(secret), `${secret} is in the log`);
  }
});

Deno.test({
  name:
    "log: MariaDB and Redis away with nobody online: one line when it begins, one with the duration when it ends",
  ...needsServices,
  fn: async () => {
    await using cluster = await Cluster.start();
    const node = await cluster.node();
    for (
      const [service, began, ended] of [
        [cluster.db, "the database cannot be reached", "the database works again"],
        [cluster.redis, "Redis does not work", "Redis works again"],
      ] as const
    ) {
      await service.kill("SIGKILL");
      assert(await within(8000, () => linesOf(node, began).length > 0), began);
      await new Promise((resolve) => setTimeout(resolve, 2500));
      await service.start();
      assert(await within(8000, () => linesOf(node, ended).length > 0), ended);
      assertEquals([linesOf(node, began).length, linesOf(node, ended).length], [1, 1], node.log.join(""));
      assertMatch(linesOf(node, ended)[0]!, /after_ms=\d{4,5}$/);
    }
  },
});
