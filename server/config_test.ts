import { assertEquals, assertThrows } from "@std/assert";
import { readCommand, VARIABLES } from "./config.ts";
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
      [["--print-configs"], {}, "--print-configs"],
      [[], { CHAT_MAX_FRAME: "1" }, "CHAT_MAX_FRAME"],
    ] as const
  ) {
    assertThrows(() => read([...args], env), StartupError, says);
  }
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
