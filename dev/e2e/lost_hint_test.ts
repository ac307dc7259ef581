import { assert, assertEquals } from "@std/assert";
import { HoldingProxy } from "../stores/holding_proxy.ts";
import { Cluster, needsServices } from "./cluster.ts";
import { join } from "./harness.ts";

const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, fn, ...needsServices });

/** What this machine may add, in ms. */
const SLACK = 5000;

test("I10: an entry of which nobody was told is pushed within 30 s", async () => {
  await using cluster = await Cluster.start();
  const node = await cluster.node();
  await using ann = await join(node, "ann");
  await using bob = await join(node, "bob");
  await ann.wire.ask({ msgid: 6, toid: bob.id, msg: "told", mid: "m1" }, 12);
  await bob.wire.next(6);
  const began = performance.now();
  // What a node does that commits and says nothing.
  await cluster.db.sql(
    "INSERT INTO message (conv, seq, sender, mid, kind, body, at) VALUES ('u1-2', 2, 1, 'm2', 'chat', '\"untold\"', 1)",
    { database: "chat" },
  );
  while (bob.wire.frames.length === 0 && performance.now() - began < 30_000 + SLACK) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assertEquals(bob.wire.frames.map(({ msgid, msg, seq }) => [msgid, msg, seq]), [[6, "untold", 2]]);
});

test("I10: a node dies between its commit and its announcement: the message arrives within 10 s", async () => {
  await using cluster = await Cluster.start();
  await using proxy = new HoldingProxy(cluster.redis.port);
  const dying = await cluster.process(`--redis=redis://127.0.0.1:${proxy.port}`);
  const other = await cluster.node();
  await using ann = await join(dying, "ann");
  await using bob = await join(other, "bob");
  await ann.wire.ask({ msgid: 6, toid: bob.id, msg: "told", mid: "m1" }, 12);
  await bob.wire.next(6);
  proxy.holdAfter(0);
  await ann.wire.ask({ msgid: 6, toid: bob.id, msg: "untold", mid: "m2" }, 12);
  await dying.end("SIGKILL");
  const died = performance.now();
  const { seq } = await bob.wire.find(({ msg }) => msg === "untold");
  assertEquals(seq, 2);
  assert(performance.now() - died < 10_000 + SLACK);
});
