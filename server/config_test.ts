import { assertEquals, assertThrows } from "@std/assert";
import { readCommand, unknownVariables, VARIABLES } from "./config.ts";
import { StartupError } from "./errors.ts";
import { Logger } from "./ops/logger.ts";

const read = (args: string[], env: Record<string, string> = {}) => readCommand(args, (name) => env[name]);

Deno.test("config: flags before environment before defaults", () => {
  const command = read(["--port", "7000"], { CHAT_PORT: "8000", CHAT_DB: "sqlite:other.db", CHAT_HOST: "" });
  assertEquals(command.run, "serve");
  const { config } = command as { config: Record<string, unknown> };
  assertEquals([config.port, config.db, config.host], [7000, "sqlite:other.db", "127.0.0.1"]);
});

Deno.test("config: help names every flag with its default; what it prints is what it reads", () => {
  const help = read(["--help"]);
  const printed = read(["--print-config"]);
  if (help.run !== "help" || printed.run !== "print-config") throw new TypeError("neither");
  const values: Record<string, unknown> = JSON.parse(printed.text);
  for (const [name, value] of Object.entries(values)) {
    const line = help.text.split("\n").find((text) => text.includes(`--${name} `));
    assertEquals(line?.includes(`(${value})`), true, name);
  }
  const again = read([
    "--print-config",
    ...Object.entries(values).map(([name, value]) => `--${name}=${value}`),
  ]);
  assertEquals(again, printed);
  assertEquals(VARIABLES.length, Object.keys(values).length);
});

Deno.test("config: what is wrong is named", () => {
  for (
    const [args, env, says] of [
      [["--port=-1"], {}, "--port"],
      [["--port=6000.5"], {}, "--port"],
      [["--durability=none"], {}, "full, normal"],
      [["--print-configs"], {}, "--print-configs, did you mean --print-config?"],
      [["--prot", "1"], {}, "--prot, did you mean --port?"],
      [["--maxframe=70000"], {}, "did you mean --max-frame?"],
      [["--xyzzy"], {}, "unknown argument --xyzzy; see --help"],
      [["6000"], {}, "unknown argument 6000; see --help"],
      [[], { CHAT_MAX_FRAME: "1" }, "CHAT_MAX_FRAME"],
    ] as const
  ) {
    assertThrows(() => read([...args], env), StartupError, says);
  }
});

Deno.test("config: --version asks for nothing else", () => {
  assertEquals(read(["--version"]), { run: "version" });
});

Deno.test("config: a variable that begins like ours and is none is told, with the one that was meant", () => {
  assertEquals(unknownVariables(["PATH", "CHAT", ...VARIABLES]), []);
  assertEquals(unknownVariables(["CHAT_PROT", "CHAT_MAXFRAME", "CHAT_SOMETHING_ELSE"]), [
    "the environment variable CHAT_MAXFRAME is not known and ignored, did you mean CHAT_MAX_FRAME?",
    "the environment variable CHAT_PROT is not known and ignored, did you mean CHAT_PORT?",
    "the environment variable CHAT_SOMETHING_ELSE is not known and ignored; --help names all flags",
  ]);
});

Deno.test("logger: one line each, whatever the texts", () => {
  const lines: string[] = [];
  const log = new Logger({ level: "info", write: (line) => lines.push(line), now: () => 0 });
  log.debug("not this");
  log.info("listening", { host: "127.0.0.1", port: 1, nothing: undefined });
  log.warn("odd", { text: "a\nb \x1b[31m" });
  assertEquals(lines, [
    "1970-01-01T00:00:00.000Z info  listening host=127.0.0.1 port=1\n",
    '1970-01-01T00:00:00.000Z warn  odd text="a\\nb \\u001b[31m"\n',
  ]);
});

Deno.test("config: what import is told by the environment is nothing to warn about", () => {
  assertEquals(unknownVariables(["CHAT_FROM", "CHAT_DB", "PATH"]), []);
});
