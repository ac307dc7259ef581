import { assert, assertEquals, assertMatch } from "@std/assert";
import { clientCommand, ClientProcess } from "./client_process.ts";
import { ServerProcess } from "./server_process.ts";

/** Runs the client with nothing typed. */
async function run(...given: string[]) {
  const { command, args } = clientCommand(given);
  const output = await new Deno.Command(command, { args, stdin: "null" }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, out: text(output.stdout), err: text(output.stderr) };
}

Deno.test("client: --help, and a server that is not there", async () => {
  const help = await run("--help");
  assertEquals(help.code, 0);
  assertMatch(help.out, /chat-client/);
  const nobody = await run("127.0.0.1", "1");
  assertEquals(nobody.code, 1);
  assertMatch(nobody.err, /^[^\n]*127\.0\.0\.1[^\n]*\n$/);
  assertEquals((await run("127.0.0.1", "port")).code, 2);
});

Deno.test("client: --version is that of deno.json", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  const { code, out } = await run("--version");
  assertEquals(code, 0);
  assertMatch(out, new RegExp(`^chat-client ${RegExp.escape(version)} \\(deno [0-9.]+\\)\n$`));
});

Deno.test("client: what is no chat server is told at once, in one sentence", async () => {
  const others: [string, (conn: Deno.Conn) => Promise<void>][] = [
    ["greets like SSH", async (conn) => void await conn.write(new TextEncoder().encode("SSH-2.0-x\r\n"))],
    ["answers like HTTP", async (conn) => {
      await conn.read(new Uint8Array(100));
      await conn.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
    }],
    ["closes at once", (conn) => Promise.resolve(conn.close())],
    ["closes after the first frame", async (conn) => {
      await conn.read(new Uint8Array(100));
      conn.close();
    }],
  ];
  for (const [what, serve] of others) {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const served = listener.accept().then(async (conn) => {
      await serve(conn);
      return conn;
    });
    const began = performance.now();
    const { code, out, err } = await run(`127.0.0.1:${listener.addr.port}`);
    assertEquals([code, out], [1, ""], what);
    assertMatch(err, /^chat-client: 127\.0\.0\.1:\d+ is not a chat server [^\n]*\n$/, what);
    if (what.startsWith("closes")) assertMatch(err, /\(the server (closed|broke off) the connection\)/);
    assert(performance.now() - began < 10_000, what);
    try {
      (await served).close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }
});

Deno.test("client: friends and groups are true in the session in which they were made", async () => {
  await using server = await ServerProcess.start("--db=sqlite::memory:");
  await using ann = new ClientProcess(server.port);
  await using bob = new ClientProcess(server.port);
  for (const [client, name] of [[ann, "ann"], [bob, "bob"]] as const) {
    await client.type("2", name, "a secret", "1", name, "a secret");
    await client.sees(new RegExp(`welcome ${name}`));
  }
  await ann.type("addfriend:2");
  await bob.sees(/friend request/);
  await bob.type("ackaddfriend:1:true");
  await bob.sees(/\[1\] ann is online\n/);
  await bob.type("friends");
  await bob.sees(/friend \[1\] ann online\n/);
  await ann.sees(/accepted/);
  await ann.type("friends", "creategroup:team:all of us", "groups");
  await ann.sees(/friend \[2\] bob online\n/);
  await ann.sees(/group \[1\] team: all of us\ngroup 1 member \[1\] ann online creator\n/);
  await bob.type("addgroup:1", "groups");
  await bob.sees(
    /joined group 1 team\ngroup \[1\] team: all of us\ngroup 1 member \[1\] ann online creator\n/,
  );
  await bob.sees(/group 1 member \[2\] bob online\n/);
  assertEquals(await ann.finish(), 0);
  assertEquals(await bob.finish(), 0);
});

Deno.test("client: a pipe exits with 1 when something was refused", async () => {
  await using server = await ServerProcess.start("--db=sqlite::memory:");
  await using ann = new ClientProcess(server.port);
  await ann.type("2", "ann", "a secret", "1", "ann", "a secret", "chat:77:hello");
  assertEquals(await ann.finish(), 1);
  assertMatch(ann.output, /error 103: /);
  await using eve = new ClientProcess(server.port);
  await eve.type("1", "ann", "wrong", "2", "eve", "a secret");
  assertEquals(await eve.finish(), 1);
  assertMatch(eve.output, /error 1: [^\n]*\nthe rest of the input was not carried out\n$/);
});

Deno.test("client: two people chat through pipes, as the README shows", async () => {
  await using server = await ServerProcess.start("--db=sqlite::memory:");
  await using ann = new ClientProcess(server.port);
  await using bob = new ClientProcess(server.port);
  for (const [client, name] of [[ann, "ann"], [bob, "bob"]] as const) {
    await client.sees(/1\. login\n2\. register\n3\. quit/);
    await client.type("2", name, `secret of ${name}`);
    await client.sees(/registered: your id is \d/);
    await client.type("1", name, `secret of ${name}`);
    await client.sees(new RegExp(`welcome ${name} \\(id \\d\\)`));
  }
  await ann.type("help");
  const commands = [
    "chat:",
    "addfriend:",
    "ackaddfriend:",
    "creategroup:",
    "addgroup:",
    "groupchat:",
    "loginout",
  ];
  for (const command of commands) await ann.sees(new RegExp(command));
  await ann.type("addfriend:2");
  await bob.sees(/friend request from \[1\] ann/);
  await bob.type("ackaddfriend:1:true");
  await ann.sees(/\[2\] bob accepted your friend request/);
  await ann.type("chat:2:hello: with a colon, and 你好");
  await bob.sees(/\[1\] ann: hello: with a colon, and 你好\n/);
  await ann.sees(/sent to 2 #3: hello/);
  await ann.sees(/read by 2 up to #3/);
  await ann.type("creategroup:team:all of us");
  await ann.sees(/group team created: its id is 1\n/);
  await bob.type("addgroup:1");
  await bob.sees(/joined group 1 team\n/);
  await bob.type("groupchat:1:hello team");
  await ann.sees(/\(group 1\) \[2\] bob: hello team\n/);
  await bob.type("loginout");
  await bob.sees(/3\. quit[^]*3\. quit/);
  await ann.type("chat:2:while you were away");
  await ann.sees(/sent to 2 #4/);
  await bob.type("1", "bob", "secret of bob");
  await bob.sees(/\[1\] ann: while you were away\n/);
  await bob.sees(/friend \[1\] ann online/);
  assertEquals(await ann.finish(), 0);
  assertEquals(await bob.finish(), 0);
  assert(!(ann.output + bob.output).includes("\x1b"), "no escape codes in a pipe");
});

Deno.test("client: a script that ends at once has its messages stored", async () => {
  await using server = await ServerProcess.start("--db=sqlite::memory:");
  await using ann = new ClientProcess(server.port);
  const lines = Array.from({ length: 20 }, (_, i) => `chat:1:message ${i}`);
  await ann.type("2", "ann", "a secret", "1", "ann", "a secret", ...lines);
  assertEquals(await ann.finish(), 0);
  assertEquals(ann.output.match(/sent to 1 #\d+/g)?.length, 20, ann.output);
});

Deno.test("client: kill -9 of the server in the middle: reconnects, resends, nothing twice", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const db = `--db=sqlite:${folder}/chat.db`;
    const first = await ServerProcess.start(db);
    await using ann = new ClientProcess(first.port);
    await using bob = new ClientProcess(first.port);
    await ann.type("2", "ann", "a secret", "1", "ann", "a secret");
    await ann.sees(/welcome ann/);
    await bob.type("2", "bob", "a secret", "1", "bob", "a secret");
    await bob.sees(/welcome bob/);
    await ann.type("chat:2:before");
    await bob.sees(/ann: before/);
    await first.end("SIGKILL");
    await ann.sees(/connection lost/);
    await ann.type("chat:2:during");
    await using _second = await ServerProcess.start(db, `--port=${first.port}`);
    await bob.sees(/connected again/);
    await bob.sees(/ann: during/);
    await ann.type("chat:2:after");
    await bob.sees(/ann: after/);
    assertEquals(bob.output.match(/ann: (before|during|after)/g)?.length, 3);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
