import { assert, assertEquals, AssertionError } from "@std/assert";
import { groupConv, pairConv } from "../protocol/conversation.ts";
import type { Kind } from "../protocol/messages.ts";
import type { StoreFactory } from "./contract_suite.ts";
import type { Query, Store } from "./store.ts";

/** What {@linkcode SearchStore} promises, as tests of one adapter. */
export function searchContract(
  adapter: string,
  create: StoreFactory,
  options: { ignore?: boolean } = {},
): void {
  const test = (name: string, run: (store: Store, purge?: Purge) => Promise<void>) =>
    Deno.test({
      name: `search on ${adapter}: ${name}`,
      ignore: options.ignore ?? false,
      fn: async () => {
        await using made = await create();
        await run(made.store, made.surgery?.purge.bind(made.surgery));
      },
    });

  test("any part of a text, in any script, without regard to case", async (store) => {
    const { ann, say, texts } = await people(store);
    const said = [
      "Hello there",
      "昨天王芳来了",
      "王先生 说 芳草",
      "Привет, МИР",
      "ok 👍🏽 done",
      'she said "no" \\o/',
      "100 % of_it",
      "line one\nline two",
      "lone \ud83d half",
      "王芳",
    ];
    for (const text of said) await say(text);
    const cases: [string, ...number[]][] = [
      ["HELLO", 0],
      ["o t", 0],
      ["王芳", 9, 1],
      ["芳来", 1],
      ["了王", ...[]],
      ["мир", 3],
      ["👍🏽", 4],
      ["👎", ...[]],
      ['"n', 5],
      ["\\o", 5],
      ["\\o/", 5],
      ["% o", 6],
      ["%_", ...[]],
      ["f_", 6],
      ["__", ...[]],
      ["e\nl", 7],
      ["\\n", ...[]],
      [" h", 8],
      ["ok", 4],
      ["' OR '1'='1", ...[]],
      ["line two", 7],
      ["ud83d", ...[]],
    ];
    for (const [text, ...expected] of cases) {
      assertEquals(await texts(ann, { text }), expected.map((i) => said[i]), text);
    }
  });

  test("only what the user may read", async (store) => {
    const { ann, bob, eve, say, texts } = await people(store);
    await say("a secret of two");
    const group = (await store.social.createGroup({ name: "g", description: "", creator: ann }))!;
    const conv = groupConv(group);
    await say("a secret from before", { conv });
    await store.social.joinGroup(group, eve);
    await say("a secret of three", { conv });
    assertEquals(await texts(ann, { text: "secret" }), [
      "a secret of three",
      "a secret from before",
      "a secret of two",
    ]);
    assertEquals(await texts(bob, { text: "secret" }), ["a secret of two"]);
    assertEquals(await texts(eve, { text: "secret" }), ["a secret of three"]);
    assertEquals(await texts(eve, { text: "secret", conv }), ["a secret of three"]);
    assertEquals(await texts(eve, { text: "secret", conv: pairConv(ann, bob) }), []);
    assertEquals(await texts(ann, { text: "secret", conv: pairConv(ann, bob) }), ["a secret of two"]);
    assertEquals(await texts(99, { text: "secret" }), []);
  });

  test("page by page, the newest first, without holes or repeats", async (store) => {
    const { ann, say, texts } = await people(store);
    const group = groupConv((await store.social.createGroup({ name: "g", description: "", creator: ann }))!);
    for (let round = 0; round < 8; round++) {
      await Promise.all(Array.from({ length: 30 }, (_, i) => {
        const n = 30 * round + i;
        return say(n % 3 === 0 ? `needle ${n}` : `straw ${n}`, n % 2 === 0 ? { conv: group } : {});
      }));
    }
    for (const limit of [1, 7, 50]) {
      const found: { at: number; text: string }[] = [];
      let before: string | undefined;
      do {
        const query = { user: ann, text: "needle", limit, ...before !== undefined && { before } };
        const page = there(await store.search.find(query));
        assert(page.found.length <= limit);
        if (page.next === undefined) assert(page.found.length > 0, "an empty page says so before it comes");
        found.push(...page.found.map(({ message }) => ({ at: message.at, text: textOf(message.body) })));
        before = page.next;
      } while (before !== undefined);
      const numbers = found.map(({ text }) => Number(text.split(" ")[1])).sort((a, b) => a - b);
      assertEquals(numbers, Array.from({ length: 80 }, (_, i) => 3 * i));
      assert(found.every(({ at }, i) => i === 0 || at <= found[i - 1]!.at), "newest first");
    }
    const newest = await store.search.find({ user: ann, text: "needle", limit: 80 });
    const middle = newest!.found[40]!.message.at;
    const older = newest!.found.filter(({ message }) => message.at < middle);
    assertEquals((await texts(ann, { text: "needle", before: middle })).length, older.length);
    assertEquals(await texts(ann, { text: "needle", before: 1 }), []);
  });

  test("a place that no search has given is refused", async (store) => {
    const { ann, say } = await people(store);
    await say("needle");
    for (const before of ["", "x", "i", "1", "' OR 1=1", "-1/u1-2/3", "i1e9"]) {
      assertEquals(
        await store.search.find({ user: ann, text: "needle", limit: 5, before }),
        undefined,
        before,
      );
    }
  });

  test("an edited text is found, the old one is not; a recalled one is not; soon and later", async (store) => {
    const { ann, say, texts } = await people(store);
    const [, second, third] = [await say("kept pelican"), await say("old pelican"), await say("bad pelican")];
    await settle();
    await say("new flamingo", { kind: "edit", ref: second });
    await say("", { kind: "recall", ref: third });
    for (const wait of [false, true]) {
      if (wait) await settle();
      assertEquals(await texts(ann, { text: "pelican" }), ["kept pelican"]);
      assertEquals(await texts(ann, { text: "flamingo" }), ["new flamingo"]);
      assertEquals(await texts(ann, { text: "go" }), ["new flamingo"]);
    }
  });

  test("purged entries are gone, and end nothing", async (store, purge) => {
    // Nobody else can open a database in memory.
    if (!purge) return;
    const { ann, bob, say, texts } = await people(store);
    for (let n = 1; n <= 40; n++) await say(`heron ${n}`);
    await settle();
    await purge({ conv: pairConv(ann, bob), from: 1, to: 35 });
    assertEquals(await texts(ann, { text: "heron" }), [40, 39, 38, 37, 36].map((n) => `heron ${n}`));
  });
}

type Purge = (range: { conv: string; from: number; to: number }) => Promise<void>;

/** Long enough for what a store does later. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 1600));

const textOf = (body: string): string => JSON.parse(body);

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new AssertionError("nothing there");
  return value;
}

/** Three users, of whom ann talks to bob. */
async function people(store: Store) {
  const ids = {
    ann: (await store.accounts.create("ann", "x"))!,
    bob: (await store.accounts.create("bob", "x"))!,
    eve: (await store.accounts.create("eve", "x"))!,
  };
  const pair = pairConv(ids.ann, ids.bob);
  return {
    ...ids,
    /** The number of what ann has said. */
    async say(
      text: string,
      { conv = pair, kind = "chat", ref }: { conv?: string; kind?: Kind; ref?: number } = {},
    ): Promise<number> {
      const result = await store.log.append({
        conv,
        kind,
        sender: ids.ann,
        senderName: "ann",
        to: conv === pair ? ids.bob : undefined,
        mid: null,
        body: kind === "recall" ? "{}" : JSON.stringify(text),
        ...ref !== undefined && { ref, fields: { ref }, oldest: 0 },
      });
      if ("refused" in result) throw new AssertionError(`refused: ${result.refused}`);
      return result.stored.seq;
    },
    async texts(user: number, query: Omit<Query, "user" | "limit">): Promise<string[]> {
      const page = there(await store.search.find({ user, limit: 100, ...query }));
      assertEquals(page.next, undefined);
      return page.found.map(({ message }) => textOf(message.body));
    },
  };
}
