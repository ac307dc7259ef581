import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { needBinary, run } from "./command.ts";
import { DaemonError, haveServices, type Nginx, renderNginxConfig, startNginx } from "../services.ts";
import { ask, echoAs } from "./echo_server.ts";

const have = await haveServices();
const needsServers = { ignore: !have.ok, sanitizeOps: true, sanitizeResources: true };
const shippedFile = new URL("../../nginx.conf", import.meta.url);
const shipped = await Deno.readTextFile(shippedFile);

const dial = (nginx: Nginx) => Deno.connect({ hostname: "127.0.0.1", port: nginx.port });

async function whoAnswers(nginx: Nginx): Promise<string | undefined> {
  using connection = await dial(nginx);
  return await ask(connection, "who");
}

Deno.test("nginx.conf as it is shipped passes nginx -t", needsServers, async () => {
  const folder = await Deno.makeTempDir();
  try {
    // It has no pid line, so that each package's own default holds; that one only root may write.
    const options = ["-c", shippedFile.pathname, "-g", `pid ${folder}/nginx.pid;`];
    const { stderr } = await run([await needBinary("nginx"), "-t", ...options]);
    assertStringIncludes(stderr, "test is successful");
    assert(!stderr.includes("[warn]"), stderr);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("nginx.conf passes a frame on at once, and cuts off nobody who is silent for hours", () => {
  // With another clock nginx cannot be shown to wait: it asks for the time in a way that libfaketime does not change.
  for (const directive of ["proxy_timeout 24h;", "tcp_nodelay on;", "proxy_socket_keepalive on;"]) {
    assertEquals(shipped.split("\n").filter((line) => line.trim() === directive).length, 1, directive);
  }
});

Deno.test("the test configuration differs from nginx.conf in its ports only", () => {
  const rendered = renderNginxConfig(shipped, { listen: 7777, upstreams: [7001, 7002] }).split("\n");
  const changed = shipped.split("\n").flatMap((line, i) => line === rendered[i] ? [] : [rendered[i]?.trim()]);
  assertEquals(changed, [
    "server 127.0.0.1:7001 max_fails=2 fail_timeout=3s;",
    "server 127.0.0.1:7002 max_fails=2 fail_timeout=3s;",
    "listen 127.0.0.1:7777 so_keepalive=60s:15s:4 backlog=4096;",
  ]);
  const ports = { listen: 7777, upstreams: [7001] };
  assertThrows(() => renderNginxConfig(shipped.replace("listen 8888", "listen 8889"), ports), DaemonError);
});

Deno.test(
  "nginx spreads connections over the nodes, and passes over one that is down",
  needsServers,
  async () => {
    await using one = echoAs("one");
    await using nginx = await startNginx({ upstreams: [one.port, 1] });
    for (let i = 0; i < 4; i++) assertEquals(await whoAnswers(nginx), "one who");

    await using two = echoAs("two");
    await nginx.reload({ upstreams: [one.port, two.port] });
    using first = await dial(nginx);
    const answers = [await ask(first, "who")];
    using second = await dial(nginx);
    answers.push(await ask(second, "who"));
    assertEquals(answers.sort(), ["one who", "two who"], "least_conn gives each one of two");
  },
);

Deno.test(
  "nginx reload keeps open connections and sends new ones to the new nodes",
  needsServers,
  async () => {
    await using one = echoAs("one");
    await using two = echoAs("two");
    await using nginx = await startNginx({ upstreams: [one.port] });
    using open = await dial(nginx);
    assertEquals(await ask(open, "before"), "one before");
    await nginx.reload({ upstreams: [two.port] });
    assertEquals(await whoAnswers(nginx), "two who");
    assertEquals(await ask(open, "after"), "one after");
    await nginx.reload();
    assertEquals(await ask(open, "after the second"), "one after the second");
  },
);

Deno.test("nginx goes on as before when it refuses a new configuration", needsServers, async () => {
  await using one = echoAs("one");
  await using nginx = await startNginx({ upstreams: [one.port] });
  await assertRejects(() => nginx.reload({ upstreams: [99_999] }), DaemonError, "invalid port");
  assertEquals(await whoAnswers(nginx), "one who");
});

Deno.test(
  "nginx restarts on its port after kill -9, which takes its workers too, and is gone when disposed",
  needsServers,
  async () => {
    await using one = echoAs("one");
    const nginx = await startNginx({ upstreams: [one.port] });
    {
      await using _ = nginx;
      await nginx.kill();
      await assertRejects(() => dial(nginx), Deno.errors.ConnectionRefused);
      await nginx.start();
      assertEquals(await whoAnswers(nginx), "one who");
      await nginx.restart();
      assertEquals(await whoAnswers(nginx), "one who");
    }
    await assertRejects(() => dial(nginx), Deno.errors.ConnectionRefused);
    await assertRejects(() => Deno.stat(nginx.folder), Deno.errors.NotFound);
  },
);
