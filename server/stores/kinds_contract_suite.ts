import { assertEquals, AssertionError } from "@std/assert";
import { groupConv, pairConv } from "../protocol/conversation.ts";
import type { Fields, Kind } from "../protocol/kinds.ts";
import type { StoreFactory } from "./contract_suite.ts";
import { type Appended, MAX_REACTIONS, type NewMessage, type Store } from "./store.ts";

/** What {@linkcode Store} promises about kinds of entries that are not plain, as tests of one adapter. */
export function kindsContract(
  adapter: string,
  create: StoreFactory,
  options: { ignore?: boolean } = {},
): void {
  const test = (name: string, run: (talk: Talk) => Promise<void>) =>
    Deno.test({
      name: `store on ${adapter}: ${name}`,
      ignore: options.ignore ?? false,
      fn: async () => {
        await using made = await create();
        await run(await Talk.begin(made.store));
      },
    });

  test("kinds: an entry sees what those before it change, also if they come at once", async (talk) => {
    const results = await Promise.all([
      talk.pair("a", "chat", { text: "one" }),
      talk.pair("a", "request"),
      talk.pair("a", "request"),
      talk.pair("b", "accept"),
      talk.pair("a", "chat", { text: "two" }),
      talk.pair("b", "request"),
      talk.pair("a", "edit", { ref: 1, text: "three" }),
      talk.pair("a", "recall", { ref: 1 }),
      talk.pair("a", "edit", { ref: 1, text: "four" }),
      talk.pair("b", "chat", { text: "five" }),
    ]);
    assertEquals(results.map(outcomeOf), [1, 2, "already", 3, 4, "already", 5, 6, "recalled", 7]);
    assertEquals(await talk.texts("pair"), ["", '"x"', '"x"', '"two"', "", "{}", '"five"']);
  });

  test("kinds: both had asked, one answer settles both", async (talk) => {
    const results = await Promise.all([
      talk.pair("a", "request"),
      talk.pair("b", "request"),
      talk.pair("b", "accept"),
      talk.pair("a", "accept"),
    ]);
    assertEquals(results.map(outcomeOf), [1, 2, 3, "no_request"]);
  });

  test("unfriend: ends a friendship for both, until they are friends again", async (talk) => {
    const outcomes = async (...steps: readonly (readonly [string, Kind])[]) => {
      const results = [];
      for (const [who, kind] of steps) results.push(outcomeOf(await talk.pair(who, kind)));
      return results;
    };
    assertEquals(await outcomes(["a", "unfriend"], ["a", "request"], ["a", "unfriend"]), [
      "not_friends",
      1,
      "not_friends",
    ]);
    assertEquals(await outcomes(["b", "accept"], ["b", "unfriend"], ["a", "unfriend"]), [
      2,
      3,
      "not_friends",
    ]);
    assertEquals([await talk.friends("a"), await talk.friends("b")], [[], []]);
    assertEquals(await outcomes(["b", "request"], ["a", "accept"]), [4, 5]);
    assertEquals([await talk.friends("a"), await talk.friends("b")], [["b"], ["a"]]);
    assertEquals(outcomeOf(await talk.group("a", "unfriend")), "not_here");
  });

  test("edit: the text is another one from then on, and the entry says since when", async (talk) => {
    await talk.pair("a", "chat", { text: "old", mid: "m" });
    const edit = stored(await talk.pair("a", "edit", { ref: 1, text: "new", mid: "e" }));
    assertEquals([edit.seq, edit.kind, edit.ref, edit.body], [2, "edit", 1, '"new"']);
    const [now, second] = await talk.read("pair");
    assertEquals([now!.body, now!.edited, now!.mid, now!.kind], ['"new"', edit.at, "m", "chat"]);
    assertEquals([second!.ref, second!.edited], [1, undefined]);
    const newer = stored(await talk.pair("a", "edit", { ref: 1, text: "newer" }));
    assertEquals((await talk.read("pair")).map(({ body }) => body), ['"newer"', '"new"', '"newer"']);
    assertEquals((await talk.read("pair"))[0]!.edited, newer.at);
    const again = await talk.pair("a", "edit", { ref: 1, text: "new", mid: "e" });
    assertEquals([stored(again).seq, "fresh" in again && again.fresh], [2, false], "a resend");
    assertEquals((await talk.read("pair"))[0]!.body, '"newer"', "a resend changes nothing");
    assertEquals(stored(await talk.pair("a", "chat", { text: "old", mid: "m" })).body, '"newer"');
  });

  test("edit: only by its author, in time, and only messages that are there", async (talk) => {
    const { at } = stored(await talk.pair("a", "chat", { text: "old" }));
    await talk.pair("b", "request");
    const edit = async (who: string, ref: number, oldest = 0) =>
      outcomeOf(await talk.pair(who, "edit", { ref, text: "new", oldest }));
    assertEquals(await edit("b", 1), "not_yours");
    assertEquals(await edit("a", 1, at + 1), "too_late");
    assertEquals(await edit("a", 2), "no_message");
    assertEquals(await edit("a", 3), "no_entry");
    assertEquals(await edit("a", 1, at), 3);
    assertEquals(await edit("a", 3), "no_message", "an edit is none");
  });

  test("recall: the text is gone, of the message and of every edit of it", async (talk) => {
    await talk.pair("a", "chat", { text: "secret 1" });
    await talk.pair("a", "chat", { text: "other" });
    await talk.pair("a", "edit", { ref: 1, text: "secret 2" });
    await talk.pair("a", "edit", { ref: 2, text: "another" });
    await talk.pair("a", "edit", { ref: 1, text: "secret 3" });
    await talk.pair("b", "react", { ref: 1, fields: { emoji: "👍", on: true } });
    assertEquals(outcomeOf(await talk.pair("b", "recall", { ref: 1 })), "may_not_recall");
    assertEquals(outcomeOf(await talk.pair("a", "recall", { ref: 1, mid: "r" })), 7);
    assertEquals(await talk.texts("pair"), [
      "",
      '"another"',
      "",
      '"another"',
      "",
      '{"emoji":"👍","on":true}',
      "{}",
    ]);
    assertEquals((await talk.read("pair"))[0]!.edited, undefined);
    assertEquals(await talk.reactions("pair"), []);
    assertEquals(outcomeOf(await talk.pair("a", "recall", { ref: 1, mid: "r" })), 7, "a resend");
    assertEquals(outcomeOf(await talk.pair("a", "recall", { ref: 1 })), "recalled_before");
    assertEquals(outcomeOf(await talk.pair("a", "edit", { ref: 1, text: "x" })), "recalled");
    const react = { ref: 1, fields: { emoji: "👍", on: true } };
    assertEquals(outcomeOf(await talk.pair("b", "react", react)), "recalled");
    assertEquals(outcomeOf(await talk.pair("b", "chat", { ref: 1 })), 8, "what was said may be answered");
  });

  test("recall: in a group by its author and by its creator", async (talk) => {
    await talk.group("b", "chat", { text: "by b" });
    await talk.group("a", "chat", { text: "by a" });
    await talk.group("b", "chat", { text: "by b" });
    assertEquals(outcomeOf(await talk.group("c", "recall", { ref: 1 })), "may_not_recall");
    assertEquals(outcomeOf(await talk.group("b", "recall", { ref: 2 })), "may_not_recall");
    assertEquals(outcomeOf(await talk.group("a", "recall", { ref: 1 })), 4);
    assertEquals(outcomeOf(await talk.group("b", "recall", { ref: 3 })), 5);
  });

  test("kinds: of a group's entries members know what came after they joined", async (talk) => {
    await talk.group("a", "chat", { text: "before" });
    await talk.join("d");
    await talk.group("a", "chat", { text: "after" });
    const react = async (who: string, ref: number) =>
      outcomeOf(await talk.group(who, "react", { ref, fields: { emoji: "👍", on: true } }));
    assertEquals([await react("d", 1), await react("d", 2)], ["no_entry", 3]);
    assertEquals(await react("e", 2), "not_a_member");
    assertEquals(outcomeOf(await talk.group("d", "chat", { ref: 1 })), "no_entry");
    assertEquals(outcomeOf(await talk.group("d", "chat", { ref: 2 })), 4);
    assertEquals(outcomeOf(await talk.group("a", "request")), "not_here");
  });

  test("react: one of each sign and user, until it is taken away", async (talk) => {
    await talk.pair("a", "chat", { text: "x" });
    await talk.pair("a", "chat", { text: "y" });
    const react = (who: string, emoji: string, on = true) =>
      talk.pair(who, "react", { ref: 1, fields: { emoji, on } });
    for (const who of ["a", "b", "b"]) stored(await react(who, "👍"));
    stored(await react("b", "👩‍👩‍👧"));
    stored(await react("a", "👎", false));
    stored(await talk.pair("b", "react", { ref: 2, fields: { emoji: "!", on: true } }));
    assertEquals(await talk.reactions("pair", { to: 1 }), ["1 👍 a", "1 👍 b", "1 👩‍👩‍👧 b"]);
    stored(await react("b", "👍", false));
    stored(await react("b", "👍", false));
    assertEquals(await talk.reactions("pair"), ["1 👍 a", "1 👩‍👩‍👧 b", "2 ! b"]);
    assertEquals(await talk.reactions("pair", { from: 2 }), ["2 ! b"]);
    for (let i = 0; i < MAX_REACTIONS; i++) stored(await react("a", String.fromCodePoint(0x4e00 + i)));
    assertEquals((await talk.reactions("pair", { to: 1 })).length, MAX_REACTIONS);
  });

  test("replies: say which message they answer, if there is one", async (talk) => {
    await talk.pair("a", "chat", { text: "?" });
    assertEquals(stored(await talk.pair("b", "chat", { text: "!", ref: 1, mid: "m" })).ref, 1);
    assertEquals((await talk.read("pair")).map(({ ref }) => ref), [undefined, 1]);
    assertEquals(outcomeOf(await talk.pair("b", "chat", { ref: 9 })), "no_entry");
    await talk.pair("b", "request");
    assertEquals(outcomeOf(await talk.pair("a", "chat", { ref: 3 })), "no_message");
    assertEquals(stored(await talk.pair("b", "chat", { ref: 9, mid: "m" })).seq, 2, "a resend");
  });
}

interface Said {
  readonly text?: string;
  readonly mid?: string;
  readonly ref?: number;
  readonly fields?: Fields;
  readonly oldest?: number;
}

/** Users a to e: a and b have a conversation; a has a group, which b and c are in. */
class Talk {
  readonly #store: Store;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #group: number;

  private constructor(store: Store, { ids, group }: { ids: ReadonlyMap<string, number>; group: number }) {
    this.#store = store;
    this.#ids = ids;
    this.#group = group;
  }

  static async begin(store: Store): Promise<Talk> {
    const ids = new Map<string, number>();
    for (const name of ["a", "b", "c", "d", "e"]) ids.set(name, (await store.accounts.create(name, "x"))!);
    const group = (await store.social.createGroup({ name: "g", description: "", creator: ids.get("a")! }))!;
    const talk = new Talk(store, { ids, group });
    for (const name of ["b", "c"]) await talk.join(name);
    return talk;
  }

  async join(name: string): Promise<void> {
    await this.#store.social.joinGroup(this.#group, this.#id(name));
  }

  pair(from: string, kind: Kind, said: Said = {}): Promise<Appended> {
    return this.#append(
      from,
      { kind, conv: this.#conv("pair"), to: this.#id(from === "a" ? "b" : "a") },
      said,
    );
  }

  group(from: string, kind: Kind, said: Said = {}): Promise<Appended> {
    return this.#append(from, { kind, conv: this.#conv("group"), to: undefined }, said);
  }

  async read(where: "pair" | "group") {
    return await this.#store.log.read({ conv: this.#conv(where), after: 0, limit: 200 });
  }

  async friends(name: string): Promise<string[]> {
    return (await this.#store.social.friends(this.#id(name))).map(({ name }) => name);
  }

  async texts(where: "pair" | "group"): Promise<string[]> {
    return (await this.read(where)).map(({ body }) => body);
  }

  async reactions(where: "pair" | "group", { from = 1, to = 1000 } = {}): Promise<string[]> {
    const names = new Map([...this.#ids].map(([name, id]) => [id, name]));
    const found = await this.#store.log.reactions({ conv: this.#conv(where), from, to });
    return found.map(({ seq, emoji, user }) => `${seq} ${emoji} ${names.get(user)}`);
  }

  #append(
    from: string,
    about: { kind: Kind; conv: string; to: number | undefined },
    { text = "x", mid, ref, fields = {}, oldest }: Said,
  ): Promise<Appended> {
    const hasText = !["recall", "react", "unfriend"].includes(about.kind);
    const message: NewMessage = {
      ...about,
      sender: this.#id(from),
      senderName: from,
      mid: mid ?? null,
      body: JSON.stringify(hasText ? text : fields),
      fields,
      ...(ref !== undefined && { ref }),
      ...(oldest !== undefined && { oldest }),
    };
    return this.#store.log.append(message);
  }

  #conv(where: "pair" | "group"): string {
    return where === "pair" ? pairConv(this.#id("a"), this.#id("b")) : groupConv(this.#group);
  }

  #id(name: string): number {
    return this.#ids.get(name)!;
  }
}

function stored(result: Appended) {
  if ("stored" in result) return result.stored;
  throw new AssertionError(`refused: ${result.refused}`);
}

/** Its number, or why it was refused. */
const outcomeOf = (result: Appended) => "stored" in result ? result.stored.seq : result.refused;
