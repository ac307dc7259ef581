import { assertEquals, assertMatch } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { join, logIn } from "./harness.ts";
import { serverCommand, ServerProcess } from "./server_process.ts";

/** Under this root may write no more than others. */
const WITHOUT_RIGHTS = Deno.uid() === 0 ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] : [];

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.chmod(folder, 0o755);
    await Deno.remove(folder, { recursive: true });
  }
}

/** Starts a server that cannot start; its one sentence. */
async function refusal(db: string, under: readonly string[] = []): Promise<string> {
  const server = serverCommand(["--port=0", `--db=sqlite:${db}`]);
  const [command = server.command, ...args] = [...under, server.command, ...server.args];
  const output = await new Deno.Command(command, { args, stdin: "null" }).output();
  const err = new TextDecoder().decode(output.stderr);
  assertEquals(output.code, 1, err);
  assertMatch(err, /^chat-server: [^\n]+\n$/);
  return err;
}

Deno.test("SQLite: a second server is refused by a link, a hard link, and without the lock file; kill -9 frees the file", () =>
  inFolder(async (folder) => {
    const path = `${folder}/chat.db`;
    const server = await ServerProcess.start(`--db=sqlite:${path}`);
    const ann = await join(server, "ann");
    await Deno.symlink(path, `${folder}/link.db`);
    await Deno.link(path, `${folder}/hard.db`);
    for (const name of ["chat.db", "link.db", "hard.db"]) {
      assertMatch(await refusal(`${folder}/${name}`), /in use by another chat-server/);
    }
    // Other files beside it are no lock, and reading with other programs is nobody's harm.
    for await (const { name } of Deno.readDir(folder)) {
      if (name.endsWith("-lock")) await Deno.remove(`${folder}/${name}`);
    }
    {
      using db = new DatabaseSync(path, { readOnly: true });
      assertEquals(db.prepare("SELECT name FROM user").all().map(({ name }) => name), ["ann"]);
    }
    assertMatch(await refusal(path), /in use by another chat-server/);
    await ann.wire.send({ msgid: 6, toid: ann.id, msg: "x", mid: "1" });
    await ann.wire.next(12);
    await ann.wire[Symbol.asyncDispose]();
    await server.end("SIGKILL");
    await using again = await ServerProcess.start(`--db=sqlite:${path}`);
    await using back = await logIn(again, { id: ann.id, name: "ann" });
    assertEquals(back.ack.conversations[0].seq, 1);
  }));

Deno.test("SQLite: files that cannot be a database of ours are refused in one sentence, and stay as they are", () =>
  inFolder(async (folder) => {
    const path = (name: string) => `${folder}/${name}.db`;
    await (await ServerProcess.start(`--db=sqlite:${path("ours")}`)).end("SIGTERM");
    const make = async (name: string, sql: string, from?: string) => {
      if (from) await Deno.copyFile(path(from), path(name));
      using db = new DatabaseSync(path(name));
      db.exec(sql);
    };
    await make(
      "other",
      "CREATE TABLE user (login TEXT); INSERT INTO user VALUES ('x'); PRAGMA user_version = 77",
    );
    await make("newer", "PRAGMA user_version = 999", "ours");
    await Deno.writeTextFile(path("text"), "this is no database ".repeat(500));
    const damaged = await Deno.readFile(path("ours"));
    // The root of the schema stays readable, the tables do not.
    await Deno.writeFile(path("damaged"), damaged.fill(0xee, 4096));
    await Deno.writeFile(path("entries"), await withoutPage(path("ours"), "entry"));
    await Deno.writeFile(path("cut"), (await Deno.readFile(path("ours"))).subarray(0, 4096));
    await Deno.mkdir(path("folder"));
    const cases: [string, RegExp][] = [
      [path("other"), /belongs to another program/],
      [path("newer"), /schema version 999.*newer chat-server/],
      [path("text"), /not a database/],
      [path("damaged"), /is damaged.*restore a copy/],
      [path("entries"), /is damaged.*restore a copy/],
      [path("cut"), /is damaged.*restore a copy/],
      [path("folder"), /is a folder; name a file in it/],
      [`${folder}/none/chat.db`, /folder of the database .* does not exist/],
    ];
    for (const [db, says] of cases) {
      const { isFile } = await Deno.stat(db).catch(() => ({ isFile: false }));
      const before = isFile ? await Deno.readFile(db) : undefined;
      assertMatch(await refusal(db), says);
      if (before) assertEquals(await Deno.readFile(db), before, `${db} was changed`);
    }
  }));

/** The bytes of a database whose table has lost its first page. */
async function withoutPage(path: string, table: string): Promise<Uint8Array<ArrayBuffer>> {
  using db = new DatabaseSync(path, { readOnly: true });
  const { rootpage } = db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?").get(table) ?? {};
  const bytes = await Deno.readFile(path);
  return bytes.fill(0xee, (Number(rootpage) - 1) * 4096, Number(rootpage) * 4096);
}

Deno.test("SQLite: a disk that is full when the database is made is one sentence", () =>
  inFolder(async (folder) => {
    // No file may grow beyond 16 KiB. With the signal ignored a write beyond that fails as on a full disk.
    const { command, args } = serverCommand(["--help"]);
    await new Deno.Command(command, { args, stdout: "null" }).output();
    const under = ["sh", "-c", 'trap "" XFSZ; ulimit -f 32; exec "$0" "$@"'];
    assertMatch(await refusal(`${folder}/chat.db`, under), /disk is full/);
  }));

Deno.test("SQLite: a file or a folder that may not be written is one sentence", () =>
  inFolder(async (folder) => {
    const path = `${folder}/chat.db`;
    await (await ServerProcess.start(`--db=sqlite:${path}`)).end("SIGTERM");
    const rights = async (file: number, dir: number) => {
      await Deno.chmod(path, file);
      await Deno.chmod(folder, dir);
    };
    await rights(0o444, 0o777);
    assertMatch(await refusal(path, WITHOUT_RIGHTS), /may not write the database/);
    await rights(0o000, 0o777);
    assertMatch(await refusal(path, WITHOUT_RIGHTS), /may not write the database/);
    await rights(0o666, 0o555);
    assertMatch(
      await refusal(path, WITHOUT_RIGHTS),
      /give this user the right to write the file and its folder/,
    );
    assertMatch(await refusal(`${folder}/new.db`, WITHOUT_RIGHTS), /may not write the database/);
  }));
