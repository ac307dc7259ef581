import { assert, assertEquals } from "@std/assert";
import { copyOf, replaceData } from "../services/older_copy.ts";
import { ClientProcess } from "./client_process.ts";
import { Cluster, needsServices } from "./cluster.ts";
import { join, register } from "./harness.ts";

const test = (name: string, fn: () => Promise<void>) => Deno.test({ name, fn, ...needsServices });
const oneTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

test("older database: 7 messages back while sessions are up: noticed, said, nobody mixes, our client sends them again", async () => {
  await using cluster = await Cluster.start();
  const [one, two] = [await cluster.node(), await cluster.node()];
  for (const name of ["ann", "bob"]) await register(one, name);
  await using ann = new ClientProcess(one.port);
  await using bob = new ClientProcess(two.port);
  for (const [client, name] of [[ann, "ann"], [bob, "bob"]] as const) {
    await client.type("1", name, `pw ${name}`);
    await client.sees(/welcome/);
  }
  await using watch = await join(one, "watch");
  for (const n of oneTo(5)) await ann.type(`chat:2:kept ${n}`);
  await bob.sees(/ann: kept 5/);
  const copy = await copyOf(cluster.db);
  for (const n of oneTo(7)) await ann.type(`chat:2:lost ${n}`);
  await ann.sees(/sent to 2 #12: lost 7/);
  await bob.sees(/ann: lost 7/);
  // More than one heartbeat of each node is lost as well.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await replaceData(cluster.db, copy);

  assertEquals((await watch.wire.next(22)).reason, "unsure");
  for (const client of [ann, bob]) await client.sees(/came back older/);
  await ann.type("chat:2:afterwards");
  await ann.sees(/sent to 2 #13: afterwards/);
  await bob.sees(/ann: afterwards/);
  for (const { log } of [one, two]) {
    assertEquals(
      log.filter((line) => line.includes("the message log has a new name")).length,
      1,
      log.join(""),
    );
  }
  const texts = await cluster.db.sql("SELECT seq, body FROM message WHERE conv = 'u1-2' ORDER BY seq", {
    database: "chat",
  });
  const expected = [...oneTo(5).map((n) => `kept ${n}`), ...oneTo(7).map((n) => `lost ${n}`), "afterwards"];
  assertEquals(texts.split("\n"), expected.map((text, i) => `${i + 1}\t"${text}"`));
  // Nobody who wrote is told twice.
  assertEquals(ann.output.match(/sent to 2 #\d+: lost 7/g)?.length, 1);
});

test("older database: the log has another name for whoever comes back, on every node", async () => {
  await using cluster = await Cluster.start();
  const nodes = [await cluster.node(), await cluster.node()];
  await using ann = await join(nodes[0]!, "ann");
  await using bob = await join(nodes[1]!, "bob");
  assertEquals(ann.ack.log, bob.ack.log);
  const copy = await copyOf(cluster.db);
  for (const n of oneTo(7)) {
    await ann.wire.ask({ msgid: 6, toid: bob.id, msg: "x", mid: `m${n}` }, 12);
    await bob.wire.find(({ mid }) => mid === `m${n}`);
  }
  await new Promise((resolve) => setTimeout(resolve, 1500));
  await replaceData(cluster.db, copy);
  for (const [i, user] of [ann, bob].entries()) {
    assertEquals((await user.wire.next(22)).reason, "unsure");
    assertEquals(user.wire.frames, []);
    await using wire = await nodes[i]!.connect();
    const login = { msgid: 1, v: 2, id: user.id, password: user.password, takeover: true };
    let ack = await wire.ask(login, 2);
    while (ack.errno === 108) ack = await wire.ask(login, 2);
    assertEquals(ack.errno, 0);
    assert(ack.log !== ann.ack.log && ack.log.length > 0);
  }
});
