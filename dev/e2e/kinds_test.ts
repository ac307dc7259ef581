import { assertEquals } from "@std/assert";
import { join, logIn, type User } from "./harness.ts";
import type { Wired } from "./wire.ts";
import { onEveryPair } from "./worlds.ts";

/** ann made the group that bob and old are in; eve is a stranger; old is a program of the first generation. */
type Actor = "ann" | "bob" | "eve" | "old";
type Kind = "edit" | "recall" | "react" | "reply" | "unfriend";
/** `pair`: ann and bob. `old pair`: ann and old. */
type Place = "pair" | "old pair" | "group";

/** What becomes of an entry of this kind about a message that `author` has written. */
interface Row {
  readonly kind: Kind;
  readonly place: Place;
  readonly author: Actor;
  readonly actor: Actor;
  /** Brings the actor into a state before it acts. */
  readonly state?: (talk: Talk, actor: Actor, place: Place) => Promise<void>;
  /** The errno that refuses it, or 0. */
  readonly errno: number;
}

const row = (kind: Kind, place: Place, author: Actor, actor: Actor, errno = 0): Row => ({
  ...{ kind, place, author, actor, errno },
});

const TABLE: readonly Row[] = [
  row("edit", "pair", "ann", "ann"),
  row("edit", "pair", "bob", "bob"),
  row("edit", "pair", "ann", "bob", 109),
  row("edit", "pair", "ann", "eve", 109),
  row("edit", "old pair", "ann", "ann"),
  row("edit", "old pair", "old", "ann", 109),
  row("edit", "old pair", "old", "old", 101),
  row("edit", "group", "ann", "ann"),
  row("edit", "group", "bob", "bob"),
  row("edit", "group", "bob", "ann", 109),
  row("edit", "group", "ann", "eve", 105),
  row("edit", "group", "old", "old", 101),
  row("recall", "pair", "ann", "ann"),
  row("recall", "pair", "bob", "bob"),
  row("recall", "pair", "ann", "bob", 109),
  row("recall", "pair", "ann", "eve", 109),
  row("recall", "old pair", "ann", "ann"),
  row("recall", "old pair", "old", "ann", 109),
  row("recall", "old pair", "old", "old", 101),
  row("recall", "group", "bob", "bob"),
  row("recall", "group", "bob", "ann"),
  row("recall", "group", "old", "ann"),
  row("recall", "group", "ann", "bob", 109),
  row("recall", "group", "bob", "eve", 105),
  row("recall", "group", "old", "old", 101),
  row("react", "pair", "ann", "ann"),
  row("react", "pair", "ann", "bob"),
  row("react", "pair", "ann", "eve", 109),
  row("react", "old pair", "old", "ann"),
  row("react", "old pair", "ann", "old", 101),
  row("react", "group", "ann", "bob"),
  row("react", "group", "old", "ann"),
  row("react", "group", "ann", "eve", 105),
  row("react", "group", "ann", "old", 101),
  row("reply", "pair", "ann", "ann"),
  row("reply", "pair", "ann", "bob"),
  row("reply", "old pair", "old", "ann"),
  row("reply", "group", "ann", "bob"),
  row("reply", "group", "old", "ann"),
  row("reply", "group", "ann", "eve", 105),
  { ...row("unfriend", "pair", "ann", "ann"), state: befriended },
  { ...row("unfriend", "pair", "ann", "bob"), state: befriended },
  row("unfriend", "pair", "ann", "bob", 109),
  row("unfriend", "pair", "ann", "eve", 109),
  { ...row("unfriend", "old pair", "old", "ann"), state: befriended },
  row("unfriend", "old pair", "old", "old", 101),
  row("unfriend", "group", "ann", "ann", 109),
  row("unfriend", "group", "ann", "eve", 109),
];

/** The fields of an entry of a kind, without those that every EVENT has. */
const FIELDS: Readonly<Record<Kind, Record<string, unknown>>> = {
  edit: { msg: 'new "text"' },
  recall: {},
  react: { emoji: "👩‍👩‍👧", on: true },
  reply: { msg: "an answer" },
  unfriend: {},
};

/** What a client of the first generation is sent for it. */
const V1: Readonly<Record<Kind, string | undefined>> = {
  edit: '(edited) new "text"',
  recall: undefined,
  react: undefined,
  reply: "an answer",
  unfriend: undefined,
};

/** Kinds that are about a message. */
const ABOUT_MESSAGE: ReadonlySet<Kind> = new Set(["edit", "recall", "react", "reply"]);

/** The two of a pair are friends. */
async function befriended(talk: Talk, _: Actor, place: Place): Promise<void> {
  const { ann, bob, old } = talk.users;
  const other = place === "pair" ? bob : old;
  await ann.wire.send({
    msgid: 7,
    friendid: other.id,
    mid: `request ${place}`.replaceAll(" ", "-") + ann.wire.raw.length,
  });
  await other.wire.next(7);
  await other.wire.send({ msgid: 8, friendid: ann.id, flag: true });
  await ann.wire.next(8);
  ann.wire.forget(12);
  other.wire.forget(12);
}

class Talk {
  readonly users: Readonly<Record<Actor, User>>;
  #mids = 0;

  constructor(users: Readonly<Record<Actor, User>>) {
    this.users = users;
  }

  conv(place: Place): string {
    const { ann, bob, old } = this.users;
    const pair = (a: User, b: User) => `u${Math.min(a.id, b.id)}-${Math.max(a.id, b.id)}`;
    return place === "group" ? "g1" : place === "pair" ? pair(ann, bob) : pair(ann, old);
  }

  /** Writes a message; v1 programs are not told its number. */
  async write(who: Actor, place: Place, about: Record<string, unknown>): Promise<Wired> {
    const user = this.users[who];
    const { ann, bob, old } = this.users;
    const other = place === "old pair" ? (who === "ann" ? old : ann) : who === "ann" ? bob : ann;
    const to = place === "group" ? { msgid: 11, groupid: 1 } : { msgid: 6, toid: other.id };
    const frame = { ...to, ...about, mid: `m${++this.#mids}` };
    if (who !== "old") return await user.wire.ask(frame, 12, 16);
    const { mid: _, ...five } = frame;
    await user.wire.send({ ...five, id: user.id, name: "old", time: "" });
    // ann is in every conversation that old is in.
    const seen = await ann.wire.find(
      ({ msgid, msg }) => msgid === to.msgid && msg === about.msg,
      "the message",
    );
    ann.wire.frames.push(seen);
    return seen;
  }

  async event(who: Actor, about: Record<string, unknown>): Promise<Wired> {
    return await this.users[who].wire.ask({ msgid: 25, mid: `m${++this.#mids}`, ...about }, 12, 16);
  }

  /** The readers of a place other than one. */
  readers(place: Place, but: Actor): Actor[] {
    const all: Actor[] = place === "group"
      ? ["ann", "bob", "old"]
      : place === "pair"
      ? ["ann", "bob"]
      : ["ann", "old"];
    return all.filter((who) => who !== but);
  }

  /** Takes what has been pushed to somebody up to a message that is written now. */
  async pushed(who: Actor, { by, place }: { by: Actor; place: Place }): Promise<Wired[]> {
    const mark = `mark ${++this.#mids}`;
    await this.write(by, place, { msg: mark });
    const { wire } = this.users[who];
    await wire.find(({ msg }) => msg === mark, mark);
    return wire.frames.splice(0).filter(({ msgid, msg = "" }) =>
      [6, 11, 25].includes(msgid) && !msg.startsWith("mark ")
    );
  }
}

async function talking(
  world: {
    start(...flags: string[]): Promise<readonly [Parameters<typeof join>[0], Parameters<typeof join>[0]]>;
  },
  ...flags: string[]
) {
  const [one, two] = await world.start(...flags);
  const users = {
    ann: await join(one, "ann"),
    bob: await join(two, "bob"),
    eve: await join(two, "eve"),
    old: await join(two, "old", 1),
  };
  await users.ann.wire.ask({ msgid: 9, groupname: "g", groupdesc: "" }, 18);
  await users.bob.wire.ask({ msgid: 10, groupid: 1 }, 19);
  // Who joins twice is refused, which v1 is told: then the first time is through.
  await users.old.wire.send({ msgid: 10, groupid: 1 });
  await users.old.wire.ask({ msgid: 10, groupid: 1 }, 16);
  return { talk: new Talk(users), one, two, ...users };
}

const close = async ({ users }: Talk) => {
  for (const user of Object.values(users)) await user[Symbol.asyncDispose]();
};

async function check(talk: Talk, { kind, place, author, actor, state, errno }: Row): Promise<void> {
  const conv = talk.conv(place);
  const text = `text ${kind} ${author} ${actor} ${errno}`;
  const { seq: ref } = await talk.write(author, place, { msg: text });
  // Who gets it only later gets it as it stands then.
  for (const reader of talk.readers(place, author)) {
    await talk.users[reader].wire.find(({ msg }) => msg === text, `${text} for ${reader}`);
  }
  await state?.(talk, actor, place);
  for (const who of Object.values(talk.users)) who.wire.forget(6, 11, 25);
  const fields = FIELDS[kind];
  const about = ABOUT_MESSAGE.has(kind) ? { ref } : {};
  const answer = kind === "reply"
    ? await talk.write(actor, place, { ...fields, re: ref })
    : await talk.event(actor, { conv, kind, ...about, ...fields });
  assertEquals(
    [answer.msgid, answer.errno],
    errno === 0 ? [12, undefined] : [16, errno],
    JSON.stringify(answer),
  );
  const writer = talk.readers(place, "eve").includes(actor) ? actor : author;
  for (const reader of talk.readers(place, writer)) {
    const pushed = await talk.pushed(reader, { by: writer, place });
    if (errno !== 0) {
      assertEquals(pushed.filter(({ msg }) => msg !== text), [], `${reader} is shown nothing`);
    } else if (reader === "old") {
      assertEquals(pushed.filter(({ msg }) => msg !== text).map(({ msg }) => msg), [V1[kind] ?? []].flat());
      assertEquals(pushed.filter((frame) => "seq" in frame || frame.msgid === 25), []);
    } else {
      const { msgid, seq, at, id, name, ...rest } = pushed.at(-1) ?? { msgid: 0 };
      const { id: by } = talk.users[actor];
      assertEquals([seq, at, id, name], [answer.seq, answer.at, by, actor]);
      if (kind !== "reply") {
        assertEquals([msgid, rest], [25, { conv, kind, ...about, mid: rest.mid, ...fields }]);
      } else assertEquals([rest.re, rest.msg], [ref, fields.msg]);
    }
  }
}

onEveryPair("kinds: who may do what to whose message, and who is told what", async (world) => {
  const { talk } = await talking(world);
  try {
    for (const row of TABLE) {
      try {
        await check(talk, row);
      } catch (cause) {
        const { kind, place, author, actor } = row;
        throw new Error(`${kind} in ${place} by ${actor}, about what ${author} wrote`, { cause });
      }
    }
  } finally {
    await close(talk);
  }
});

onEveryPair("kinds: who comes later gets entries as they stand then, and so does HISTORY", async (world) => {
  const { talk, two, ann, bob, old } = await talking(world);
  const conv = talk.conv("pair");
  await bob.wire.ask({ msgid: 3 }, 17);
  await old.wire.send({ msgid: 3, id: old.id });
  await old[Symbol.asyncDispose]();
  for (const place of ["pair", "old pair"] as const) {
    await talk.write("ann", place, { msg: "first" });
    await talk.write("ann", place, { msg: "second" });
    await talk.write("ann", place, { msg: "third", re: 2 });
    await talk.event("ann", { conv: talk.conv(place), kind: "edit", ref: 1, msg: "first of all" });
    await talk.event("ann", { conv: talk.conv(place), kind: "edit", ref: 2, msg: "secret" });
    await talk.event("ann", { conv: talk.conv(place), kind: "react", ref: 3, emoji: "👍", on: true });
    await talk.event("ann", { conv: talk.conv(place), kind: "recall", ref: 2 });
  }
  const back = await logIn(two, bob);
  const frames: Wired[] = [];
  for (let seq = 1; seq <= 7; seq++) frames.push(await back.wire.next(6, 25));
  const short = (frame: Wired) =>
    [frame.seq, frame.msg, frame.kind, frame.ref ?? frame.re, frame.recalled].map((field) => field ?? "-")
      .join(" ");
  const expected = [
    "1 first of all - - -",
    "2 - - - true",
    "3 third - 2 -",
    "4 first of all edit 1 -",
    "5 - edit 2 true",
    "6 - react 3 -",
    "7 - recall 2 -",
  ];
  assertEquals(frames.map(short), expected);
  assertEquals(typeof frames[0]!.edited, "number");
  assertEquals(back.wire.raw.filter((text) => text.includes("second") || text.includes("secret")), []);
  await talk.event("ann", { conv, kind: "react", ref: 1, emoji: "🎉", on: true });
  await back.wire.ask({ msgid: 25, conv, kind: "react", ref: 3, emoji: "👍", on: true, mid: "x" }, 12);
  for (const { wire } of [ann, back]) {
    const { messages, rid } = await wire.ask({ msgid: 20, conv, after: 0, limit: 7, rid: "h" }, 21);
    assertEquals(messages.map(short), expected);
    assertEquals(messages.map(({ reactions }: Wired) => reactions ?? "-"), [
      { "🎉": [ann.id] },
      "-",
      { "👍": [ann.id, bob.id].sort((a, b) => a - b) },
      ...Array(4).fill("-"),
    ]);
    assertEquals(rid, "h");
  }
  // A program of old is told in its login answer what there is to be told, and all the rest counts as delivered.
  for (const [i, texts] of [["first of all", "third", "(edited) first of all"], []].entries()) {
    const again = await logIn(two, { ...old, v: 1 });
    const told = (again.ack.offlinemsg ?? []).map((text: string) => JSON.parse(text).msg);
    assertEquals(told, texts, `login ${i + 1}`);
    await again.wire.send({ msgid: 3, id: old.id });
    await again.wire.finishWriting();
    await again.wire.gone();
    await again[Symbol.asyncDispose]();
  }
  assertEquals(await world.query("SELECT count(*) FROM message WHERE body LIKE '%sec%'"), [["0"]]);
  await back[Symbol.asyncDispose]();
  await close(talk);
});

onEveryPair("I3: an EVENT that is sent again through another node is stored once", async (world) => {
  const { talk, two, ann, bob } = await talking(world);
  const conv = talk.conv("pair");
  await talk.write("ann", "pair", { msg: "text" });
  const recall = { msgid: 25, conv, kind: "recall", ref: 1, mid: "same", rid: "r1" };
  const first = await ann.wire.ask(recall, 12, 16);
  assertEquals([first.msgid, first.seq, first.rid], [12, 2, "r1"]);
  await ann.wire.ask({ msgid: 3 }, 17);
  const again = await logIn(two, ann);
  const second = await again.wire.ask({ ...recall, rid: "r2" }, 12, 16);
  assertEquals(second, { ...first, rid: "r2" });
  const other = await again.wire.ask({ ...recall, mid: "other" }, 12, 16);
  assertEquals([other.errno, other.mid, other.rid], [111, "other", "r1"]);
  const refused = await bob.wire.ask({ msgid: 25, conv, kind: "edit", ref: 1, msg: "x", mid: "e" }, 16);
  assertEquals([refused.errno, refused.errmsg], [109, "the message has been recalled"]);
  const errors: [Record<string, unknown>, number][] = [
    [{ kind: "react", ref: 99, emoji: "!", on: true }, 100],
    [{ kind: "react", ref: 2, emoji: "!", on: true }, 100],
    [{ kind: "react", ref: 1, emoji: "!!", on: true }, 100],
    [{ kind: "recall", ref: 1, conv: "g9" }, 104],
    [{ kind: "recall", ref: 1, conv: "u8-9" }, 109],
    [{ kind: "edit", ref: 1, msg: "x".repeat(65_000) }, 107],
    [{ kind: "chat", ref: 1 }, 100],
  ];
  for (const [about, errno] of errors) {
    const answer = await bob.wire.ask({ msgid: 25, conv, mid: "e", ...about }, 12, 16);
    assertEquals(answer.errno, errno, JSON.stringify([about, answer]).slice(0, 300));
  }
  await again[Symbol.asyncDispose]();
  await close(talk);
});

onEveryPair("edit: not after --edit-hours", async (world) => {
  const { talk } = await talking(world, "--edit-hours=0");
  const { seq } = await talk.write("ann", "pair", { msg: "text" });
  await new Promise((resolve) => setTimeout(resolve, 5));
  const late = await talk.event("ann", { conv: talk.conv("pair"), kind: "edit", ref: seq, msg: "x" });
  assertEquals([late.errno, late.errmsg], [109, "the message is too old to be edited"]);
  await close(talk);
});
