import { assertEquals, assertNotEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { ClientProcess } from "./client_process.ts";
import { Cluster, needsServices } from "./cluster.ts";
import { register, TestServer } from "./harness.ts";
import { ServerProcess } from "./server_process.ts";

const FILES = ["", "-wal", "-shm"];

/** Copies a database of a server that has stopped. */
async function copyFiles(from: string, to: string): Promise<void> {
  for (const end of FILES) {
    await Deno.remove(to + end).catch(ifMissing);
    await Deno.copyFile(from + end, to + end).catch(ifMissing);
  }
}

function ifMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

/** The statement that the page for operators gives to this program. */
async function statementFor(program: string): Promise<string> {
  const text = await Deno.readTextFile(new URL("../../docs/operating.md", import.meta.url));
  const sql = text.match(new RegExp(`^${program} .*"(UPDATE cluster .*)"$`, "m"))?.[1];
  if (sql === undefined) throw new Error(`docs/operating.md has no statement for ${program}`);
  return sql;
}

/** The name of the log, as a client is told it. */
async function logOf(server: { connect: TestServer["connect"] }): Promise<string> {
  await using wire = await server.connect();
  const ack = await wire.ask({ msgid: 1, v: 2, id: 1, password: "pw ann" }, 2);
  assertEquals(ack.errno, 0);
  return ack.log;
}

/** What is stored of a conversation, in order. */
function textsOf(path: string, conv: string): unknown[] {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return db.prepare("SELECT body FROM message WHERE conv = ? ORDER BY seq").all(conv)
      .map(({ body }) => JSON.parse(String(body)));
  } finally {
    db.close();
  }
}

Deno.test("restored: nobody was running, and the lost numbers were taken again before the other one came back", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/chat.db`;
    const first = await ServerProcess.start(`--db=sqlite:${path}`, "--drain-seconds=0");
    const again = [`--db=sqlite:${path}`, "--drain-seconds=0", `--port=${first.port}`];
    await using ann = new ClientProcess(first.port);
    await using bob = new ClientProcess(first.port);
    for (const [client, name] of [[ann, "ann"], [bob, "bob"]] as const) {
      await client.type("2", name, "a long secret", "1", name, "a long secret");
      await client.sees(new RegExp(`welcome ${name}`));
    }
    await ann.type("chat:2:kept");
    await ann.sees(/read by 2 up to #1\n/);
    await first.end("SIGTERM");
    await copyFiles(path, `${folder}/copy.db`);

    const second = await ServerProcess.start(...again);
    await ann.type("chat:2:lost a");
    await bob.sees(/ann: lost a/);
    await bob.type("chat:1:lost b");
    await ann.sees(/bob: lost b/);
    await ann.type("chat:2:lost c");
    await ann.sees(/read by 2 up to #4\n/);
    await second.end("SIGTERM");
    bob.sleep();
    await copyFiles(`${folder}/copy.db`, path);

    await using third = await ServerProcess.start(...again);
    await ann.sees(/came back older; sending 3 messages again/);
    await ann.type("chat:2:new");
    await ann.sees(/sent to 2 #4: new/);
    const before = ann.output.match(/read by/g)?.length;
    assertEquals(textsOf(path, "u1-2"), ["kept", "lost a", "lost c", "new"]);
    bob.wake();
    await bob.sees(/came back older; sending 1 message again/);
    await bob.sees(/ann: new/);
    // Not by the receipts of the history that is gone.
    await ann.sees(new RegExp(`(?:read by[^]*){${before}}read by 2 up to #4\n`));
    await bob.type("chat:1:afterwards");
    await ann.sees(/bob: afterwards/);
    assertEquals(textsOf(path, "u1-2"), ["kept", "lost a", "lost c", "new", "lost b", "afterwards"]);
    // Nobody is shown anything twice.
    for (const { output } of [ann, bob]) {
      const shown = output.match(/(?:ann|bob): .*/g);
      assertEquals(shown, [...new Set(shown)]);
    }
    await third.end("SIGTERM");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("restored: the operator's statement for SQLite gives the log a new name", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/chat.db`;
    const names = new Set<string>();
    for (const sql of [undefined, await statementFor("sqlite3")]) {
      if (sql !== undefined) {
        const db = new DatabaseSync(path);
        db.exec(sql);
        db.close();
      }
      await using server = await TestServer.start(`--db=sqlite:${path}`);
      if (sql === undefined) await register(server, "ann");
      names.add(await logOf(server));
    }
    assertEquals([...names].map((name) => name.length), [12, 12]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "restored: the operator's statement for MariaDB gives the log a new name",
  ...needsServices,
  fn: async () => {
    await using cluster = await Cluster.start();
    const first = await cluster.node();
    await register(first, "ann");
    const old = await logOf(first);
    await first.stop();
    await cluster.db.sql(await statementFor("mysql"), { database: "chat" });
    const log = await logOf(await cluster.node());
    assertNotEquals(log, old);
    assertEquals(log.length, 12);
  },
});
