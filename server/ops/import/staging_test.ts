import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Mojibake } from "./mojibake.ts";
import { numberEntries } from "./numbering.ts";
import type { SourceRow, SourceTable } from "./source.ts";
import { Staging } from "./staging.ts";
import { Tally } from "./tally.ts";

const NOW = Date.UTC(2026, 10, 24);
type Rows = Partial<Record<SourceTable, readonly SourceRow[]>>;

/** Users 1 to 5; the group 1 with all of them but 5. */
const PEOPLE: Rows = {
  user: [1, 2, 3, 4, 5].map((id) => ({ id, name: `user${id}`, password: `pw${id}` })),
  allgroup: [{ id: 1, groupname: "g", groupdesc: "" }],
  groupuser: [1, 2, 3, 4].map((userid) => ({
    groupid: 1,
    userid,
    grouprole: userid === 1 ? "creator" : "normal",
  })),
};

function stage(rows: Rows, { mojibake }: { mojibake?: Mojibake } = {}) {
  const tally = new Tally();
  const staging = new Staging({
    tally,
    mojibake,
    timezone: "UTC",
    now: NOW,
  });
  for (const table of ["user", "friend", "allgroup", "groupuser", "offlinemessage"] as const) {
    for (const row of rows[table] ?? []) staging.add(table, row);
  }
  const name = staging.seal();
  const { again } = numberEntries(staging.db);
  const all = (sql: string) => staging.db.prepare(sql).all().map((row) => Object.values(row));
  return {
    name,
    again,
    report: tally.report(),
    all,
    /** Of each conversation the texts in their order, and what each member gets. */
    conversations() {
      const entries = all(
        "SELECT n.conv, n.seq, w.body FROM numbered n JOIN waiting w ON w.pos = n.first ORDER BY n.conv, n.seq",
      );
      const texts = Map.groupBy(entries, ([conv]) => String(conv));
      return Object.fromEntries([...texts].map(([conv, rows]) => {
        assertEquals(rows.map(([, seq]) => seq), rows.map((_, i) => i + 1));
        const places = all(`SELECT user, joined, delivered FROM place WHERE conv = '${conv}' ORDER BY user`);
        return [conv, {
          texts: rows.map(([, , body]) => JSON.parse(String(body))),
          places: Object.fromEntries(places.map(([user, ...place]) => [user, place])),
        }];
      }));
    },
    [Symbol.dispose]: () => staging[Symbol.dispose](),
  };
}

const group = (sender: number, msg: string, time = "2026-11-22 12:00:00") =>
  JSON.stringify({ groupid: 1, id: sender, msg, msgid: 11, name: "x", time });
const chat = (sender: number, msg: string, time = "2026-11-22 12:00:00") =>
  JSON.stringify({ id: sender, msg, msgid: 6, name: "x", time });
const waiting = (...rows: [number, string][]) => rows.map(([userid, message]) => ({ userid, message }));

Deno.test("staging: copies of one group message become one entry, which those get who missed it", () => {
  using staged = stage({
    ...PEOPLE,
    offlinemessage: waiting(
      // 2 goes, then 3. 4 is there all the time, and 1 writes.
      [2, group(1, "one")],
      [2, group(1, "two")],
      [3, group(1, "two")],
      [2, group(4, "three")],
      [3, group(4, "three")],
    ),
  });
  assertEquals(staged.conversations(), {
    g1: { texts: ["one", "two", "three"], places: { 1: [0, 3], 2: [0, 0], 3: [1, 1], 4: [2, 3] } },
  });
  assertEquals(staged.again, 0);
});

Deno.test("staging: the same words twice are two entries", () => {
  using staged = stage({
    ...PEOPLE,
    offlinemessage: waiting([2, group(1, "ok")], [3, group(1, "ok")], [2, group(1, "ok")], [
      3,
      group(1, "ok"),
    ]),
  });
  assertEquals(staged.conversations().g1?.texts, ["ok", "ok"]);
});

Deno.test("staging: where the older server lost rows, everybody still gets what waited for them alone", () => {
  using staged = stage({
    ...PEOPLE,
    // One came in just when 2 had logged in: 2 has had the later ones.
    offlinemessage: waiting([2, group(1, "a")], [3, group(1, "a")], [3, group(1, "b")], [3, group(1, "c")]),
  });
  assertEquals(staged.conversations().g1, {
    texts: ["b", "c", "a"],
    places: { 1: [0, 3], 2: [2, 2], 3: [0, 0], 4: [3, 3] },
  });
  assertEquals(staged.again, 0);
  // Where that is impossible, it is counted.
  using crossed = stage({ ...PEOPLE, offlinemessage: waiting([2, group(1, "a")], [3, group(1, "b")]) });
  assertEquals(crossed.again, 1);
});

Deno.test("staging: messages of two people are one conversation in their order", () => {
  using staged = stage({
    ...PEOPLE,
    offlinemessage: waiting([2, chat(1, "hello")], [2, chat(1, "hello")], [1, chat(2, "late")], [
      5,
      chat(5, "note"),
    ]),
  });
  assertEquals(staged.conversations(), {
    "u1-2": { texts: ["hello", "hello", "late"], places: { 1: [0, 2], 2: [0, 0] } },
    "u5-5": { texts: ["note"], places: { 5: [0, 0] } },
  });
  assertEquals(staged.again, 0);
});

Deno.test("staging: requests are pending once, answers say what became of them", () => {
  const ask = (from: number, toid: number) => JSON.stringify({ from, msg: "be my friend", msgid: 7, toid });
  const answer = (from: number, toid: number) => JSON.stringify({ from, msg: "well", msgid: 8, toid });
  using staged = stage({
    ...PEOPLE,
    friend: [{ userid: 1, friendid: 2 }, { userid: 2, friendid: 1 }, { userid: 3, friendid: 1 }],
    offlinemessage: waiting(
      [4, ask(1, 4)],
      [4, ask(1, 4)],
      [2, ask(1, 2)],
      [1, ask(1, 1)],
      [1, answer(2, 1)],
      [1, answer(4, 1)],
    ),
  });
  assertEquals(staged.all("SELECT low, high FROM friendship ORDER BY low, high"), [[1, 2], [1, 3]]);
  assertEquals(staged.all("SELECT sender, receiver FROM request"), [[1, 4]]);
  assertEquals(staged.all("SELECT conv, kind FROM waiting ORDER BY pos"), [
    ["u1-4", "request"],
    ["u1-2", "accept"],
    ["u1-4", "refuse"],
  ]);
  for (const said of ["pending already: 1", "between friends: 1", "to oneself: 1"]) {
    assertStringIncludes(staged.report, said);
  }
});

Deno.test("staging: hostile rows are skipped and counted", () => {
  using staged = stage({
    user: [
      ...PEOPLE.user!,
      { id: 0, name: "zero", password: "x" },
      { id: null, name: null, password: null },
      { id: "6", name: "text", password: "x" },
      { id: -7, name: "minus", password: "x" },
      { id: 8, name: null, password: null },
      { id: 9, name: "  ", password: "" },
      { id: 10, name: "user1 ", password: "x" },
      { id: 11, name: "User1", password: "x" },
      { id: 12, name: "a\nb\0", password: "x" },
      { id: 13, name: "n".repeat(300), password: "p".repeat(300) },
    ],
    friend: [{ userid: 1, friendid: 99 }, { userid: null, friendid: 1 }, { userid: 3, friendid: 3 }],
    allgroup: [...PEOPLE.allgroup!, { id: 2, groupname: null, groupdesc: null }, {
      id: 0,
      groupname: "x",
      groupdesc: "",
    }],
    groupuser: [...PEOPLE.groupuser!, { groupid: 7, userid: 1 }, { groupid: 2, userid: 99 }, {
      groupid: 2,
      userid: 1,
      grouprole: null,
    }],
    offlinemessage: waiting(
      [99, chat(1, "to nobody")],
      [2, chat(99, "from nobody")],
      [5, group(1, "not in it")],
      [2, JSON.stringify({ groupid: 77, id: 1, msg: "x", msgid: 11 })],
      [2, "5 byt"],
      [2, "x".repeat(70_000)],
      [2, chat(1, "x".repeat(66_000))],
      [2, null as unknown as string],
      [2, chat(1, "good", "2099-01-01 00:00:00")],
    ),
  });
  assertEquals(staged.all("SELECT id, name FROM user WHERE id > 5 ORDER BY id"), [
    [8, "user_8"],
    [9, "user_9"],
    [10, "user1_10"],
    [11, "User1"],
    [12, "a\ufffdb\ufffd"],
    [13, "n".repeat(50)],
  ]);
  assertEquals(staged.all("SELECT password IS NULL FROM user WHERE id = 8"), [[1]]);
  assertEquals(staged.all("SELECT * FROM chatgroup ORDER BY id"), [[1, "g", ""], [2, "group_2", ""]]);
  assertEquals(staged.all("SELECT user, role FROM member WHERE chatgroup = 2"), [[1, "normal"]]);
  // A clock that is ahead is not believed.
  assertEquals(staged.all("SELECT body, at FROM waiting"), [['"good"', NOW]]);
  const lines = staged.report.split("\n").map((line) => line.split(/\s{2,}/).join(" | "));
  assertEquals(lines.slice(1, 6), [
    "users | 15 | 11 | 4",
    "friendships | 3 | 0 | 3",
    "groups | 3 | 2 | 1",
    "memberships | 7 | 5 | 2",
    "waiting messages | 9 | 1 | 8",
  ]);
  for (const secret of ["pw1", "p".repeat(20)]) {
    assert(!staged.report.includes(secret), "no password is shown");
  }
});

Deno.test("staging: where backslashes were lost, those that are left are no escapes", () => {
  const raw = (msg: string) => `{"id":1,"msg":"${msg}","msgid":6,"name":"x","time":""}`;
  const texts = (rows: [number, string][]) => {
    using staged = stage({ ...PEOPLE, offlinemessage: waiting(...rows) });
    return staged.all("SELECT body FROM waiting ORDER BY pos").map(([body]) => JSON.parse(String(body)));
  };
  assertEquals(texts([[2, raw("C:\\new")], [2, raw('a "b" c')]]), ["C:\\new", 'a "b" c']);
  assertEquals(texts([[2, raw("C:\\new")], [2, raw('a \\"b\\" c')]]), ["C:\new", 'a "b" c']);
});

Deno.test("staging: GBK is undone everywhere, and what cannot be is told", () => {
  const spoilt = (text: string) => new TextDecoder("gbk").decode(new TextEncoder().encode(text));
  using staged = stage({
    user: [{ id: 1, name: "鐜嬭姵", password: spoilt("密码密码") }, { id: 2, name: "ann", password: "密码" }],
    allgroup: [{ id: 1, groupname: spoilt("朋友"), groupdesc: spoilt("我们") }],
    groupuser: [{ groupid: 1, userid: 1, grouprole: "creator" }],
    offlinemessage: waiting([1, spoilt(chat(2, "你好朋友"))]),
  }, { mojibake: new Mojibake() });
  assertEquals(staged.all("SELECT name, password FROM user"), [["王芳", "密码密码"], ["ann", "密码"]]);
  assertEquals(staged.all("SELECT name, description FROM chatgroup"), [["朋友", "我们"]]);
  assertEquals(staged.all("SELECT body FROM waiting"), [['"你好朋友"']]);
  assertStringIncludes(
    staged.report,
    "a password that cannot be restored: they may be unable to log in: 1 (id 2)",
  );
});

Deno.test("staging: other rows and other options have another name", () => {
  const name = (rows: Rows, options = {}) => {
    using staged = stage(rows, options);
    return staged.name;
  };
  const names = [
    name(PEOPLE),
    name({ ...PEOPLE, user: PEOPLE.user!.slice(1) }),
    name(PEOPLE, { mojibake: new Mojibake() }),
  ];
  assertEquals([name(PEOPLE), new Set(names).size], [names[0], 3]);
});
