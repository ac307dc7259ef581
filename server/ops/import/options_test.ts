import { assertEquals, assertThrows } from "@std/assert";
import { StartupError } from "../../errors.ts";
import { HELP, readOptions } from "./options.ts";

const FROM = "--from=mysql://u:p@db/chat";
const read = (args: string[], env: Record<string, string> = {}) => readOptions(args, (name) => env[name]);

Deno.test("import options: flags before environment before defaults", () => {
  assertEquals(read([], { CHAT_FROM: "mysql://a:b@c/d", CHAT_DB: "sqlite:x.db" }), {
    from: "mysql://a:b@c/d",
    db: "sqlite:x.db",
    charset: "utf8",
    timezone: read([FROM])!.timezone,
    passwordCost: 12,
    dryRun: false,
  });
  const given = read([
    FROM,
    "--db",
    "sqlite:y.db",
    "--charset=gbk",
    "--timezone=UTC",
    "--password-cost=10",
    "--dry-run",
  ]);
  assertEquals(given, {
    from: "mysql://u:p@db/chat",
    db: "sqlite:y.db",
    charset: "gbk",
    timezone: "UTC",
    passwordCost: 10,
    dryRun: true,
  });
  assertEquals([read(["--help"]), read(["-h"])], [undefined, undefined]);
});

Deno.test("import options: what is wrong is named", () => {
  for (
    const [args, says] of [
      [[], "--from"],
      [["--from"], "--from"],
      [["--from=sqlite:chat.db"], "--from"],
      [[FROM, "--db="], "--db needs a value"],
      [[FROM, "--db=chat.db"], "--db"],
      [[FROM, "--db=sqlite::memory:"], "gone afterwards"],
      [[FROM, "--charset=big5"], "utf8 or gbk"],
      [[FROM, "--timezone=Mars"], "--timezone"],
      [[FROM, "--password-cost=9"], "10 to 20"],
      [[FROM, "--chraset=gbk"], "did you mean --charset?"],
      [[FROM, "now"], "unknown argument now"],
    ] as const
  ) {
    assertThrows(() => read([...args]), StartupError, says);
  }
  for (const flag of ["--from", "--db", "--charset", "--timezone", "--password-cost", "--dry-run"]) {
    assertEquals(HELP.includes(flag), true);
  }
});
