import { assert, assertEquals, assertMatch } from "@std/assert";
import { join, logIn } from "./harness.ts";
import { serverCommand, ServerProcess } from "./server_process.ts";

async function run(flags: string[], env: Record<string, string> = {}) {
  const { command, args } = serverCommand(flags);
  const output = await new Deno.Command(command, { args, env, stdin: "null" }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, out: text(output.stdout), err: text(output.stderr) };
}

/** One sentence on stderr, no stack trace. */
function isOneSentence(err: string): void {
  assertMatch(err, /^chat-server: [^\n]+\n$/);
}

Deno.test("command line: help, settings, and what is wrong with a flag", async () => {
  const help = await run(["--help"]);
  assertEquals(help.code, 0);
  for (
    const [flag, fallback] of [["--port", "6000"], ["--db", "sqlite:chat.db"], ["--password-cost", "15"]]
  ) {
    assertMatch(help.out, new RegExp(`${flag}.*\\(${fallback}\\)`));
  }
  const config = await run(["--print-config", "--port", "7000"], {
    CHAT_PORT: "8000",
    CHAT_MAX_FRAME: "70000",
  });
  const printed = JSON.parse(config.out);
  assertEquals([config.code, printed.port, printed["max-frame"]], [0, 7000, 70000]);
  const version = await run(["--version"]);
  assertEquals([version.code, version.err], [0, ""]);
  assertMatch(version.out, /^chat-server \d+\.\d+\.\d+ \(deno \d+\.\d+\.\d+\)\n$/);
  const cases: [string[], Record<string, string>, RegExp][] = [
    [["--port", "99999"], {}, /--port .*65535/],
    [["--port"], {}, /--port/],
    [["--prot", "1"], {}, /--prot, did you mean --port\?/],
    [["extra"], {}, /extra/],
    [["--password-cost", "9"], {}, /--password-cost .*10/],
    [["--db", "postgres://x"], {}, /--db/],
    [[], { CHAT_LOG_LEVEL: "loud" }, /CHAT_LOG_LEVEL/],
  ];
  for (const [flags, env, says] of cases) {
    const { code, out, err } = await run(flags, env);
    assertEquals([code, out], [2, ""], err);
    isOneSentence(err);
    assertMatch(err, says);
  }
});

Deno.test("start: what cannot work is one sentence and exit code 1", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const db = `sqlite:${folder}/chat.db`;
    await using server = await ServerProcess.start(`--db=${db}`);
    await Deno.writeTextFile(`${folder}/text.db`, "this is no database ".repeat(100));
    const cases: [string[], RegExp][] = [
      [["--port", `${server.port}`, "--db", "sqlite::memory:"], /port \d+ .* in use/],
      [["--port", "0", "--db", db], /in use by another chat-server/],
      [["--port", "0", "--db", `sqlite:${folder}/none/chat.db`], /folder/],
      [["--port", "0", "--db", `sqlite:${folder}/text.db`], /not a database/],
      [["--port", "0", "--db", "sqlite::memory:", "--host", "192.0.2.1"], /--host/],
    ];
    for (const [flags, says] of cases) {
      const { code, out, err } = await run(flags);
      assertEquals([code, out], [1, ""], err);
      isOneSentence(err);
      assertMatch(err, says);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("stop: SIGINT and SIGTERM say goodbye, store what is under way, and end with 0", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      const server = await ServerProcess.start(`--db=sqlite:${folder}/${signal}.db`);
      const ann = await join(server, "ann");
      for (let i = 0; i < 100; i++) await ann.wire.send({ msgid: 6, toid: ann.id, msg: "x", mid: `${i}` });
      await ann.wire.next(12);
      const ended = server.end(signal);
      assertEquals((await ann.wire.next(22)).msgid, 22);
      await ann.wire.gone();
      const acknowledged = 1 + ann.wire.frames.filter((frame) => frame.msgid === 12).length;
      const { code, log } = await ended;
      assertEquals(code, 0, log);
      assert(log.includes("stopped"), log);
      await using again = await ServerProcess.start(`--db=sqlite:${folder}/${signal}.db`);
      await using back = await logIn(again, { id: ann.id, name: "ann" });
      const [conversation] = back.ack.conversations;
      assert(conversation.seq >= acknowledged, `${conversation.seq} stored, ${acknowledged} acknowledged`);
      await ann.wire[Symbol.asyncDispose]();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
