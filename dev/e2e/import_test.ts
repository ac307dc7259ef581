import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { type MariaDb, startMariaDb } from "../services.ts";
import { needsServices } from "./cluster.ts";
import { logIn, register } from "./harness.ts";
import { OlderServer } from "./older_server.ts";
import { serverCommand, ServerProcess } from "./server_process.ts";

/** How long an import of a test may take, in ms. */
const PATIENCE = 60_000;

/** A new database of either store. */
interface Target {
  readonly url: string;
  /** The rows that another program sees, as text. */
  query(sql: string): Promise<string[][]>;
}

interface Place {
  readonly db: MariaDb;
  readonly folder: string;
  target(): Promise<Target>;
}

function onBothStores(name: string, run: (place: Place) => Promise<void>): void {
  for (const store of ["SQLite", "MariaDB"] as const) {
    Deno.test({
      name: `import: ${name} (into ${store})`,
      ...needsServices,
      fn: async () => {
        await using db = await startMariaDb({ flushLogAtCommit: 0 });
        const folder = await Deno.makeTempDir();
        try {
          await run({
            db,
            folder,
            target: () => store === "SQLite" ? Promise.resolve(fileIn(folder)) : databaseOf(db),
          });
        } finally {
          await Deno.remove(folder, { recursive: true });
        }
      },
    });
  }
}

function fileIn(folder: string): Target {
  const path = `${folder}/${crypto.randomUUID()}.db`;
  return {
    url: `sqlite:${path}`,
    async query(sql) {
      using db = new DatabaseSync(path, { readOnly: true });
      return await db.prepare(sql).all().map((row) => Object.values(row).map(String));
    },
  };
}

async function databaseOf(db: MariaDb): Promise<Target> {
  const url = await db.freshDatabase();
  const database = new URL(url).pathname.slice(1);
  return {
    url,
    async query(sql) {
      const text = await db.sql(sql, { database });
      return text.split("\n").filter((line) => line !== "").map((line) => line.split("\t"));
    },
  };
}

function startImport(from: string, db: string, ...flags: string[]): Deno.ChildProcess {
  const { command, args } = serverCommand([
    "import",
    `--from=${from}`,
    `--db=${db}`,
    "--password-cost=10",
    ...flags,
  ]);
  return new Deno.Command(command, { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
}

async function endOf(child: Deno.ChildProcess): Promise<{ code: number; stdout: string; stderr: string }> {
  const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

const runImport = (from: string, db: string, ...flags: string[]) => endOf(startImport(from, db, ...flags));

async function succeeds(from: string, db: string, ...flags: string[]): Promise<string> {
  const { code, stdout, stderr } = await runImport(from, db, ...flags);
  assertEquals(code, 0, stdout + stderr);
  return stdout;
}

/** Everything that an import writes, but for hashes and the time of the import. */
async function contents(target: Target): Promise<string[][]> {
  const queries = [
    "SELECT 'user', id, name FROM user ORDER BY id",
    "SELECT 'friend', userid, friendid FROM friend ORDER BY userid, friendid",
    "SELECT 'request', userid, friendid FROM friendrequest ORDER BY userid, friendid",
    "SELECT 'group', id, groupname, groupdesc FROM allgroup ORDER BY id",
    "SELECT 'member', groupid, userid, grouprole FROM groupuser ORDER BY groupid, userid",
    "SELECT 'conversation', conv FROM conversation ORDER BY conv",
    "SELECT 'progress', conv, userid, joined, delivered FROM progress ORDER BY conv, userid",
    "SELECT 'message', conv, seq, sender, kind, body, at FROM message ORDER BY conv, seq",
  ];
  return (await Promise.all(queries.map((sql) => target.query(sql)))).flat();
}

/** Three people, one friendship, one group, and something of everything that can wait. */
async function fill(older: OlderServer): Promise<void> {
  await older.register([11, "ann", "secret-9"], [12, "bob", "bob''s \\\\ own"], [15, "zoe", "zoe"]);
  await older.run("INSERT INTO friend VALUES (11, 12)");
  await older.run("INSERT INTO allgroup VALUES (4, 'grp', 'desc')");
  await older.run("INSERT INTO groupuser VALUES (4, 11, 'creator'), (4, 12, 'normal'), (4, 15, 'normal')");
  const at = (seconds: number) => `2026-11-22 12:07:0${seconds}`;
  const chat = { msgid: 6, id: 11, name: "ann", toid: 12 };
  const group = { msgid: 11, id: 11, name: "ann", groupid: 4 };
  await older.wait({ ...chat, msg: 'while "away"', time: at(1) }, 12);
  await older.wait({ ...group, msg: "to bob only", time: at(2) }, 12);
  await older.wait({ ...group, msg: "to both\nof them", time: at(3) }, 12, 15);
  await older.wait({ msgid: 7, from: 15, toid: 11, msg: "zoe would like to be your friend" }, 11);
  await older.wait({ msgid: 8, from: 12, toid: 11, msg: "with pleasure" }, 11);
}

onBothStores(
  "accounts, friends, groups and what waited are there, and the older server can go on",
  async (place) => {
    const older = await OlderServer.start(place.db);
    await fill(older);
    const target = await place.target();
    // Somebody who may only read is enough.
    const database = new URL(older.url).pathname.slice(1);
    await place.db.sql(
      `CREATE USER reader@127.0.0.1 IDENTIFIED BY 'r'; GRANT SELECT ON ${database}.* TO reader@127.0.0.1`,
    );
    const from = older.url.replace("chat:secret", "reader:r");
    const before = await older.checksum();

    const dry = await succeeds(from, target.url, "--timezone=UTC", "--dry-run");
    assertStringIncludes(dry, "Nothing was written");
    const report = await succeeds(from, target.url, "--timezone=UTC");
    assertMatch(report, /users +3 +3 +0\n/);
    assertMatch(report, /waiting messages +6 +6 +0\n/);
    assertStringIncludes(report, "6 waiting messages are 5 entries");
    assertStringIncludes(report, "lost backslashes repaired: 3");
    assertEquals(await older.checksum(), before);
    const imported = await contents(target);
    assertEquals((await target.query("SELECT id FROM user")).length, 3);
    assertEquals(await target.query("SELECT at FROM message WHERE conv = 'u11-12' AND kind = 'chat'"), [
      [String(Date.UTC(2026, 10, 22, 12, 7, 1))],
    ]);

    // Again over its own result: nothing changes.
    assertStringIncludes(await succeeds(from, target.url, "--timezone=UTC"), "imported before");
    assertEquals(await contents(target), imported);

    await using server = await ServerProcess.start(`--db=${target.url}`, "--password-cost=11");
    await using bob = await logIn(server, { id: 12, name: "bob", password: "bob's \\ own", v: 1 });
    assertEquals(bob.ack.name, "bob");
    assertEquals(bob.ack.friends, ['{"id":11,"name":"ann","state":"offline"}']);
    assertEquals(JSON.parse(bob.ack.groups[0]).groupname, "grp");
    const missed = bob.ack.offlinemsg.map((text: string) => JSON.parse(text).msg);
    assertEquals(missed, ['while "away"', "to bob only", "to both\nof them"]);
    await using zoe = await logIn(server, { id: 15, name: "zoe", password: "zoe" });
    assertEquals((await zoe.wire.next(11)).msg, "to both\nof them");
    await using ann = await logIn(server, { id: 11, name: "ann", password: "secret-9" });
    assertEquals((await ann.wire.next(8)).flag, true);
    const request = await ann.wire.next(7);
    assertEquals([request.from, request.msg], [15, "zoe would like to be your friend"]);
    // Nobody gets anything that did not wait for them.
    for (const { wire } of [ann, zoe]) await wire.settle();
    assertEquals(
      [ann, zoe].map(({ wire }) => wire.frames.filter(({ msgid }) => [6, 7, 8, 11].includes(msgid))),
      [[], []],
    );
    // The request is pending, numbers and ids go on.
    assertEquals((await ann.wire.ask({ msgid: 8, friendid: 15, flag: true, mid: "a1" }, 12, 16)).seq, 2);
    assertEquals(
      (await ann.wire.ask({ msgid: 11, groupid: 4, msg: "hello again", mid: "a2" }, 12, 16)).seq,
      3,
    );
    assertEquals((await ann.wire.ask({ msgid: 9, groupname: "new", groupdesc: "" }, 18, 16)).groupid, 5);
    assertEquals(await register(server, "dave"), 16);
    // Whoever has logged in has a hash that costs what the server says.
    const hashes = await target.query("SELECT password FROM user WHERE id < 16 ORDER BY id");
    assertEquals(hashes.map(([hash]) => hash?.split("$")[1]), ["11", "11", "11"]);
    await server.end("SIGTERM");
    // Used by now: it is still the same import.
    assertStringIncludes(await succeeds(from, target.url, "--timezone=UTC"), "imported before");
    assertEquals((await target.query("SELECT id FROM user")).length, 4);
  },
);

onBothStores("an interrupted one goes on, and no server starts meanwhile", async (place) => {
  const older = await OlderServer.start(place.db);
  await fill(older);
  const people = Array.from({ length: 600 }, (_, i) => `(${i + 100}, 'user${i}', 'pw${i}', 'offline')`);
  await older.run(`INSERT INTO user VALUES ${people.join(", ")}`);
  const target = await place.target();
  for (const signal of ["SIGKILL", "SIGINT"] as const) {
    const before = (await countOf(target)) ?? 0;
    const child = startImport(older.url, target.url, "--password-cost=12");
    const output = endOf(child);
    const deadline = Date.now() + PATIENCE;
    while (((await countOf(target)) ?? 0) <= before) {
      assert(Date.now() < deadline, "it writes nothing");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    child.kill(signal);
    const { code, stderr } = await output;
    if (signal === "SIGINT") assertEquals([code, stderr.includes("it goes on")], [1, true], stderr);
    const count = (await countOf(target))!;
    assert(count < 603, "it had ended");
    const refused = serverCommand(["--port=0", `--db=${target.url}`]);
    const { code: refusal, stderr: why } = await new Deno.Command(refused.command, refused).output();
    assertEquals(refusal, 1);
    assertStringIncludes(new TextDecoder().decode(why), "is not finished");
  }
  // Another source, or other options, is another import.
  const other = await runImport(older.url, target.url, "--charset=gbk");
  assertEquals(other.code, 1);
  assertStringIncludes(other.stderr, "holds another import");
  await succeeds(older.url, target.url);
  const whole = await place.target();
  await succeeds(older.url, whole.url);
  assertEquals(await contents(target), await contents(whole));
  await using server = await ServerProcess.start(`--db=${target.url}`);
  for (const id of [100, 699]) {
    await using user = await logIn(server, { id, name: `user${id - 100}`, password: `pw${id - 100}` });
    assertEquals(user.ack.name, `user${id - 100}`);
  }
});

async function countOf(target: Target): Promise<number | undefined> {
  try {
    return Number((await target.query("SELECT count(*) FROM user"))[0]?.[0]);
  } catch (error) {
    // There is no such table yet.
    if (!(error instanceof Error)) throw error;
    return undefined;
  }
}

onBothStores("what went through a GBK connection is restored, passwords included", async (place) => {
  const older = await OlderServer.start(place.db, "gbk");
  await older.register([1, "王芳", "密码密码"], [2, "李雷", "secret"]);
  await older.run("INSERT INTO friend VALUES (1, 2)");
  await older.wait({
    msgid: 6,
    id: 1,
    name: "王芳",
    toid: 2,
    msg: '你好 "ok" 你好',
    time: "2026-11-22 12:00:00",
  }, 2);
  assertEquals(
    await place.db.sql(`SELECT name FROM ${new URL(older.url).pathname.slice(1)}.user WHERE id = 1`),
    "鐜嬭姵",
  );
  const target = await place.target();
  // Two of its bytes are a pair that is no character of GBK: the database has put a question mark there.
  await older.wait({ msgid: 6, id: 1, name: "王芳", toid: 2, msg: "他说", time: "2026-11-22 12:00:01" }, 2);
  const report = await succeeds(older.url, target.url, "--charset=gbk");
  assertStringIncludes(report, "waiting messages, characters lost: 1 (");
  await using server = await ServerProcess.start(`--db=${target.url}`);
  await using fang = await logIn(server, { id: 1, name: "王芳", password: "密码密码" });
  assertEquals([fang.ack.name, fang.ack.friends[0].name], ["王芳", "李雷"]);
  await using lei = await logIn(server, { id: 2, name: "李雷", password: "secret", v: 1 });
  const missed = lei.ack.offlinemsg.map((text: string) => JSON.parse(text).msg);
  assertEquals(missed, ['你好 "ok" 你好', "他\ufffd"]);
});

onBothStores("a source without its rules is read as far as it makes sense", async (place) => {
  const older = await OlderServer.start(place.db);
  await older.run(`
    DROP TABLE user; DROP TABLE offlinemessage; DROP TABLE friend;
    CREATE TABLE User (id BIGINT NULL, name LONGTEXT NULL, password LONGBLOB NULL);
    CREATE TABLE friend (userid INT NULL, friendid INT NULL);
    CREATE TABLE OfflineMessage (userid INT NULL, message LONGTEXT NULL)`);
  await older.run(`
    INSERT INTO User VALUES (1, 'ann', 'secret'), (2, 'bob ', NULL), (3, 'bob', ''), (NULL, NULL, NULL), (0, 'x', 'x'),
      (-1, 'x', 'x'), (9007199254740993, 'huge', 'x'), (4, REPEAT('长', 100000), REPEAT('p', 1000000)), (5, '', 'x');
    INSERT INTO friend VALUES (1, 2), (2, 1), (1, 2), (1, 1), (1, 77), (NULL, NULL);
    INSERT INTO groupuser VALUES (1, 1, 'creator')`);
  await older.run(`
    INSERT INTO OfflineMessage VALUES (NULL, NULL), (1, NULL), (1, ''), (1, '5 byt'), (1, 'null'), (99, '{}'),
      (1, REPEAT('x', 5000000)), (1, CONCAT('{"id":2,"msg":"', REPEAT('y', 60000), '","msgid":6,"toid":1}')),
      (1, '{"id":2,"msg":"cut off her')`);
  const target = await place.target();
  const report = await succeeds(older.url, target.url);
  assertMatch(report, /users +9 +5 +4\n/);
  assertMatch(report, /friendships +6 +3 +3\n/);
  assertMatch(report, /memberships +1 +0 +1\n/);
  assertMatch(report, /waiting messages +9 +2 +7\n/);
  assertEquals(await target.query("SELECT id, name FROM user WHERE id <> 4 ORDER BY id"), [
    ["1", "ann"],
    ["2", "bob "],
    ["3", "bob_3"],
    ["5", "user_5"],
  ]);
  assertEquals(await target.query("SELECT userid, friendid FROM friend ORDER BY userid"), [["1", "2"], [
    "2",
    "1",
  ]]);
  await using server = await ServerProcess.start(`--db=${target.url}`);
  await using ann = await logIn(server, { id: 1, name: "ann", password: "secret" });
  assertEquals((await ann.wire.next(6)).msg.length, 60_000);
  assertEquals((await ann.wire.next(6)).msg, "cut off her");
});

onBothStores("what cannot be is refused with a sentence, and nothing is made", async (place) => {
  const older = await OlderServer.start(place.db);
  await older.register([1, "ann", "secret"]);
  const target = await place.target();
  const refused = async (from: string, db: string) => {
    const { code, stdout, stderr } = await runImport(from, db);
    assertEquals([code, stdout, stderr.trim().split("\n").length], [1, "", 1], stderr);
    return stderr;
  };
  assertStringIncludes(await refused(await place.db.freshDatabase(), target.url), "it has no table user");
  assertStringIncludes(await refused(older.url.replace("secret", "wrong"), target.url), "--from");
  assertStringIncludes(await refused(older.url, older.url), "chat-server import --from");
  assertStringIncludes(await refused(older.url, "sqlite:/no/such/folder/x.db"), "does not exist");
  {
    await using server = await ServerProcess.start(`--db=${target.url}`);
    await register(server, "somebody");
    await refused(older.url, target.url);
    await server.end("SIGTERM");
  }
  assertStringIncludes(await refused(older.url, target.url), "has users already");
  assertEquals(await target.query("SELECT name FROM user"), [["somebody"]]);
  if (target.url.startsWith("mysql:")) {
    assertStringIncludes(await refused(target.url, (await place.target()).url), "one of this program's");
  }
  assertEquals((await runImport(older.url, target.url, "--nonsense")).code, 2);
  assertEquals((await runImport(older.url, "chat.db")).code, 2);
});
