import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { join } from "./harness.ts";
import { serverCommand, ServerProcess } from "./server_process.ts";

Deno.test("I1: SQLite that cannot write any more: 108, nothing acknowledged is missing, the server stays", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/chat.db`;
  try {
    // An executable that unpacks itself does it now, without the limit.
    const { command, args } = serverCommand(["--help"]);
    await new Deno.Command(command, { args, stdout: "null" }).output();
    // No file may grow beyond 1 MiB. With the signal ignored a write beyond that fails as on a full disk.
    const limit = ["sh", "-c", 'trap "" XFSZ; ulimit -f 2048; exec "$0" "$@"'];
    const server = await ServerProcess.startUnder(limit, `--db=sqlite:${path}`);
    await using ann = await join(server, "ann");
    const acknowledged = new Map<string, number>();
    let refused = 0;
    for (let i = 0; i < 300; i++) {
      const mid = `m${i}`;
      const answer = await ann.wire.ask({ msgid: 6, toid: ann.id, msg: "x".repeat(10_000), mid }, 12, 16);
      if (answer.msgid === 12) acknowledged.set(mid, answer.seq);
      else {
        assertEquals([answer.errno, answer.mid], [108, mid]);
        refused++;
      }
    }
    assert(acknowledged.size > 10 && refused > 10, `${acknowledged.size} stored, ${refused} refused`);
    assertEquals(
      (await ann.wire.ask({ msgid: 20, conv: "u1-1", limit: 5 }, 21)).messages.length,
      5,
      "reading goes on",
    );
    const { log } = await server.end("SIGKILL");
    assertEquals(log.includes("defect"), false, log);
    using db = new DatabaseSync(path);
    const row = db.prepare("SELECT seq FROM message WHERE mid = ?");
    for (const [mid, seq] of acknowledged) assertEquals(row.get(mid)?.seq, seq);
    assertEquals(db.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
