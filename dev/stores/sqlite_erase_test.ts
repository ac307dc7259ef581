import { assert, assertEquals, AssertionError } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { openSqlite } from "../../server/stores/sqlite/open.ts";
import type { NewMessage, Store } from "../../server/stores/store.ts";

const MARK = "ERASE-ME";
/** Longer than a page, so that it lies on pages of its own. */
const LONG = MARK.repeat(4000);
/** The log file is emptied some seconds after a recall; how long to wait for it, in ms. */
const PATIENCE = 40_000;

async function append(store: Store, about: Partial<NewMessage> & { text?: string }): Promise<number> {
  const { text, ...rest } = about;
  const result = await store.log.append({
    ...{ conv: "u1-2", kind: "chat", sender: 1, senderName: "ann", to: 2, mid: null },
    body: text === undefined ? "{}" : JSON.stringify(text),
    ...rest,
  });
  if ("stored" in result) return result.stored.seq;
  throw new AssertionError(`refused: ${result.refused}`);
}

/** How often the mark stands in the files of the database. */
async function marks(folder: string): Promise<number> {
  let found = 0;
  for await (const { name } of Deno.readDir(folder)) {
    const text = new TextDecoder("latin1").decode(await Deno.readFile(`${folder}/${name}`));
    found += text.split(MARK).length - 1;
  }
  return found;
}

/** How often it stands there once that does not change any more, or when patience ends. */
async function marksInTheEnd(folder: string): Promise<number> {
  const deadline = Date.now() + PATIENCE;
  let found = await marks(folder);
  while (found > 0 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    found = await marks(folder);
  }
  return found;
}

Deno.test("erase: a recalled text is in none of the database's files any more, nor what it said before edits", async () => {
  const folder = await Deno.makeTempDir();
  const store = await openSqlite({ path: `${folder}/chat.db`, durability: "full" });
  try {
    for (const name of ["ann", "bob"]) await store.accounts.create(name, "x");
    for (const text of [`${MARK} 1`, LONG]) {
      const ref = await append(store, { text });
      await append(store, { text: "stays" });
      await append(store, { kind: "edit", ref, text: `${MARK} edited` });
      await append(store, { kind: "edit", ref, text: LONG });
      assert(await marks(folder) > 0, "the search finds what is there");
      await append(store, { kind: "recall", ref });
    }
    assertEquals(await marksInTheEnd(folder), 0, "while the server runs");
  } finally {
    await store.close();
  }
  assertEquals(await marks(folder), 0, "after it has stopped");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("erase: what a long reader keeps in the log file is gone when it ends", async () => {
  const folder = await Deno.makeTempDir();
  const store = await openSqlite({ path: `${folder}/chat.db`, durability: "normal" });
  try {
    for (const name of ["ann", "bob"]) await store.accounts.create(name, "x");
    const ref = await append(store, { text: MARK });
    using reader = new DatabaseSync(`${folder}/chat.db`, { readOnly: true });
    reader.exec("BEGIN");
    reader.prepare("SELECT count(*) FROM entry").get();
    await append(store, { kind: "recall", ref });
    await new Promise((resolve) => setTimeout(resolve, 3000));
    assert(await marks(folder) > 0, "the reader may still ask for it");
    await append(store, { text: "nobody waits for the reader" });
    reader.exec("COMMIT");
    assertEquals(await marksInTheEnd(folder), 0);
  } finally {
    await store.close();
  }
  await Deno.remove(folder, { recursive: true });
});
