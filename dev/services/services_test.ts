import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { needBinary, run } from "./command.ts";
import { isFree } from "./port.ts";
import { type Daemon, within } from "./process.ts";
import {
  DaemonError,
  haveServices,
  PortTakenError,
  startMariaDb,
  startNginx,
  startRedis,
} from "../services.ts";

const have = await haveServices();
const needsServers = { ignore: !have.ok, sanitizeOps: true, sanitizeResources: true };

async function assertGone({ port, folder }: Daemon) {
  await assertRejects(() => Deno.connect({ hostname: "127.0.0.1", port }), Deno.errors.ConnectionRefused);
  await assertRejects(() => Deno.stat(folder), Deno.errors.NotFound);
}

Deno.test(
  "MariaDB: takes queries, keeps its rows over a stop and over kill -9, and is gone when disposed",
  needsServers,
  async () => {
    const db = await startMariaDb();
    {
      await using _ = db;
      assertMatch(db.url, /^mysql:\/\/chat:secret@127\.0\.0\.1:\d+\/chat$/);
      await db.sql("CREATE TABLE t (x VARCHAR(20)); INSERT INTO t VALUES ('kept 你好')", {
        database: "chat",
      });
      const port = db.port;
      await db.kill("SIGKILL");
      assert(!db.isRunning);
      await db.start();
      assertEquals(await db.sql("SELECT x, @@port FROM t", { database: "chat" }), `kept 你好\t${port}`);
      const before = db.pid;
      await db.restart();
      assertNotEquals(db.pid, before);
      assertEquals(await db.sql("SELECT x FROM chat.t"), "kept 你好");
      assertEquals(Number(await Deno.readTextFile(`${db.folder}/pid`)), db.pid);
      assertEquals(Number(await db.sql("SELECT @@innodb_flush_log_at_trx_commit")), 1);
    }
    await assertGone(db);
    await db[Symbol.asyncDispose](); // a second time does nothing
  },
);

Deno.test(
  "MariaDB: the user chat logs in over TCP and owns databases of its own, no others",
  needsServers,
  async () => {
    await using db = await startMariaDb();
    const client = await needBinary("mariadb");
    const asChat = async (url: string, sql: string) => {
      const { username, password, hostname, port, pathname } = new URL(url);
      const login = ["--protocol=TCP", `-h${hostname}`, `-P${port}`, `-u${username}`, `-p${password}`];
      const { stdout } = await run([
        client,
        "--no-defaults",
        "-N",
        "-B",
        ...login,
        pathname.slice(1),
        "-e",
        sql,
      ]);
      return stdout.trim();
    };
    assertEquals(await asChat(db.url, "SELECT @@character_set_database"), "utf8mb4");
    const fresh = await Promise.all([db.freshDatabase(), db.freshDatabase()]);
    assertNotEquals(fresh[0], fresh[1]);
    for (const url of fresh) {
      assertEquals(
        await asChat(url, "CREATE TABLE t (x INT); SELECT COUNT(*) FROM t"),
        "0",
      );
    }
    assertEquals(await asChat(db.url, "CREATE DATABASE chat_more"), "");
    await assertRejects(() => asChat(db.url, "CREATE DATABASE other"), DaemonError, "denied");
  },
);

Deno.test(
  "Redis: answers, restarts on its port after kill -9, and is gone when disposed",
  needsServers,
  async () => {
    const redis = await startRedis({ args: ["--maxmemory", "64mb"] });
    {
      await using _ = redis;
      assertEquals(redis.url, `redis://127.0.0.1:${redis.port}`);
      assertEquals(await redis.cli("PING"), "PONG");
      assertEquals(await redis.cli("CONFIG", "GET", "maxmemory"), `maxmemory\n${64 * 1024 * 1024}`);
      assertEquals(await redis.cli("CLIENT", "KILL", "TYPE", "pubsub"), "0");
      await assertRejects(() => redis.cli("NOSUCHCOMMAND"), DaemonError, "unknown command");
      await redis.kill();
      await assertRejects(() => redis.cli("PING"), DaemonError);
      await redis.start();
      await redis.restart();
      assertStringIncludes(await redis.cli("INFO", "server"), `process_id:${redis.pid}\r\n`);
    }
    await assertGone(redis);
  },
);

Deno.test(
  "a paused server accepts connections, answers nothing, and goes on when resumed",
  needsServers,
  async () => {
    await using redis = await startRedis();
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: redis.port });
    redis.pause();
    using second = await Deno.connect({ hostname: "127.0.0.1", port: redis.port });
    await connection.write(new TextEncoder().encode("PING\r\n"));
    const answer = connection.read(new Uint8Array(64));
    let answered = false;
    answer.then(() => answered = true);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert(!answered);
    redis.resume();
    assertEquals(await answer, "+PONG\r\n".length);
    assertEquals(second.remoteAddr, connection.remoteAddr);
    redis.pause();
    await redis.stop(); // gracefully, although paused
    assert(!redis.isRunning);
  },
);

Deno.test("two of each kind run side by side", needsServers, async () => {
  const [db1, db2, redis1, redis2, nginx1, nginx2] = await Promise.all([
    startMariaDb(),
    startMariaDb(),
    startRedis(),
    startRedis(),
    startNginx({ upstreams: [1] }),
    startNginx({ upstreams: [1] }),
  ]);
  await using _a = db1, _b = db2, _c = redis1, _d = redis2, _e = nginx1, _f = nginx2;
  assertEquals(new Set([db1, db2, redis1, redis2, nginx1, nginx2].map((d) => d.port)).size, 6);
  await redis1.cli("SET", "who", "first");
  assertEquals(await redis2.cli("GET", "who"), "");
  await db1.sql("CREATE TABLE chat.only_here (x INT)");
  assertEquals(await db2.sql("SHOW TABLES FROM chat"), "");
});

Deno.test(
  "a server that cannot start says why, with its log, and leaves nothing behind",
  needsServers,
  async () => {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = taken.addr;
    await assertRejects(() => startRedis({ port }), PortTakenError, `redis-server on port ${port} ended`);
    await assertRejects(() => startMariaDb({ port }), PortTakenError, "Bind on TCP/IP port");
    await assertRejects(() => startMariaDb({ args: ["--no-such-option"] }), DaemonError, "unknown option");
  },
);

Deno.test("servers go when the process that started them is killed", {
  // Without the kernel's help only disposing ends them.
  ...needsServers,
  ignore: !have.ok || Deno.build.os !== "linux",
}, async () => {
  const script = `
    import { startMariaDb, startNginx, startRedis } from ${
    JSON.stringify(import.meta.resolve("../services.ts"))
  };
    const daemons = await Promise.all([startMariaDb(), startRedis(), startNginx({ upstreams: [1] })]);
    await Deno.stdout.write(new TextEncoder().encode(
      JSON.stringify(daemons.map(({ port, folder }) => ({ port, folder }))),
    ));
    await Promise.withResolvers().promise;`;
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const parent = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-lock", `--config=${config}`, script],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = parent.stdout.getReader();
  const { value } = await reader.read();
  const daemons: { port: number; folder: string }[] = JSON.parse(new TextDecoder().decode(value));
  assertEquals(daemons.length, 3);
  assert(!daemons.some(({ port }) => isFree(port)));
  parent.kill("SIGKILL");
  await parent.status;
  await reader.cancel();
  assert(await within(5_000, () => daemons.every(({ port }) => isFree(port))));
  for (const { folder } of daemons) await Deno.remove(folder, { recursive: true });
});
