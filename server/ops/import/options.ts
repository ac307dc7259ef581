import { parseArgs } from "@std/cli/parse-args";
import { StartupError } from "../../errors.ts";
import { nearest } from "../../nearest.ts";
import { isTimeZone, localTimeZone } from "./wall_clock.ts";

/** What an import is asked to do. */
export interface ImportOptions {
  /** The older server's database, `mysql://…`. */
  readonly from: string;
  /** Where to, as the server's `--db`. */
  readonly db: string;
  readonly charset: "utf8" | "gbk";
  readonly timezone: string;
  /** log2 of scrypt's N. */
  readonly passwordCost: number;
  readonly dryRun: boolean;
}

const FLAGS = ["from", "db", "charset", "timezone", "password-cost"];
const SWITCHES = ["dry-run", "help"];
const DEFAULT_DB = "sqlite:chat.db";
const DEFAULT_COST = "12";

export const HELP =
  `Takes accounts, friends, groups and waiting messages of an older server of this protocol into a new database.

usage: chat-server import --from mysql://user:password@host:3306/name [flags]

  --from URL          the older server's database; nothing is written to it
  --db URL            the new database: sqlite:FILE, or mysql://… of an empty one (${DEFAULT_DB})
  --charset NAME      utf8, or gbk if Chinese names stand there as other Chinese characters (utf8)
  --timezone ZONE     the time zone of the times in waiting messages, as Asia/Shanghai (this machine's)
  --password-cost N   log2 of scrypt's N for now, 10 to 20; the server raises it at each user's next login (${DEFAULT_COST})
  --dry-run           read and count only
  --help, -h          print this and exit

An import that was interrupted goes on when the same command is given again. The environment variables CHAT_FROM and
CHAT_DB stand for --from and --db: what is in flags can be read in the process list.

Exit codes: 0 done, 1 a problem or interrupted, 2 a wrong command line.
`;

/**
 * Reads the command line of an import; undefined if help was asked for.
 * @throws {StartupError} naming the flag that is wrong.
 */
export function readOptions(
  args: readonly string[],
  env: (name: string) => string | undefined,
): ImportOptions | undefined {
  const given = parse(args);
  if (given.help === true) return undefined;
  const value = (flag: string, fallback = "") => {
    const text = given[flag];
    if (text === "") throw new StartupError(`--${flag} needs a value; see chat-server import --help`);
    return typeof text === "string" ? text : fallback;
  };
  const from = value("from", env("CHAT_FROM"));
  const db = value("db", env("CHAT_DB") || DEFAULT_DB);
  const charset = value("charset", "utf8");
  const timezone = value("timezone", localTimeZone());
  const cost = value("password-cost", DEFAULT_COST);
  if (URL.parse(from)?.protocol !== "mysql:") throw wrong("from", "mysql://user:password@host:3306/name");
  if (!/^sqlite:.+/.test(db) && URL.parse(db)?.protocol !== "mysql:") {
    throw wrong("db", "sqlite:FILE or mysql://user:password@host:3306/name");
  }
  if (db === "sqlite::memory:") throw wrong("db", "sqlite:FILE, since what is in memory is gone afterwards");
  if (charset !== "utf8" && charset !== "gbk") throw wrong("charset", "utf8 or gbk");
  if (!isTimeZone(timezone)) throw wrong("timezone", "Asia/Shanghai, UTC or +08:00");
  if (!/^(1\d|20)$/.test(cost)) throw wrong("password-cost", "a number from 10 to 20");
  return {
    from,
    db,
    charset,
    timezone,
    passwordCost: Number(cost),
    dryRun: given["dry-run"] === true,
  };
}

function parse(args: readonly string[]): Record<string, unknown> {
  return parseArgs([...args], {
    string: FLAGS,
    boolean: SWITCHES,
    alias: { h: "help" },
    unknown: (argument: string) => {
      const known = [...FLAGS, ...SWITCHES].map((name) => `--${name}`);
      const meant = argument.startsWith("-") ? nearest(argument.replace(/=.*/s, ""), known) : undefined;
      throw new StartupError(
        `unknown argument ${argument}${
          meant === undefined ? "" : `, did you mean ${meant}?`
        }; see chat-server import --help`,
      );
    },
  });
}

const wrong = (flag: string, form: string) =>
  new StartupError(`--${flag} must look like ${form}; see chat-server import --help`);
