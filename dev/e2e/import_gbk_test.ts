import { assert, assertEquals } from "@std/assert";
import { Mojibake } from "../../server/ops/import/mojibake.ts";
import { startMariaDb } from "../services.ts";
import { needsServices } from "./cluster.ts";
import { OlderServer } from "./older_server.ts";

Deno.test({
  name: "import: no text that went through a GBK connection comes back as another one",
  ...needsServices,
  fn: async () => {
    await using db = await startMariaDb({ flushLogAtCommit: 0 });
    const older = await OlderServer.start(db, "gbk");
    await older.run("CREATE TABLE text (id INT PRIMARY KEY, text VARCHAR(50))");
    const characters = Array.from({ length: 0x9fa6 - 0x4e00 }, (_, i) => String.fromCharCode(0x4e00 + i));
    const texts = [
      ...characters.map((character, i) => character + characters.at(-1 - i)),
      ...[
        "，。！？",
        "“”《》、…",
        "ñ é ü",
        "Привет мир",
        "안녕하세요",
        "ひらがなカタカナ",
        "😀😀",
        "€100 ££",
      ],
    ];
    for (let at = 0; at < texts.length; at += 5000) {
      const rows = texts.slice(at, at + 5000).map((text, i) => `(${at + i}, '${text}')`);
      await older.run(`INSERT INTO text VALUES ${rows.join(", ")}`);
    }
    const database = new URL(older.url).pathname.slice(1);
    const stored = (await db.sql("SELECT text FROM text ORDER BY id", { database })).split("\n");
    const mojibake = new Mojibake();
    const results = texts.map((text, i) => ({ meant: text, ...mojibake.restore(stored[i]!) }));
    const count = (how: string) => results.filter((result) => result.how === how).length;
    for (const { text, meant } of results.filter(({ how }) => how === "restored")) {
      assertEquals(text, meant);
    }
    // 2,149 of 23,940 pairs of bytes are no character of GBK to the database: texts with such a pair are lost in it.
    assert(count("restored") > 0.7 * texts.length, `${count("restored")} of ${texts.length}`);
    assertEquals(count("plain"), 0);
  },
});
