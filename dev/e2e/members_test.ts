import { assert, assertEquals } from "@std/assert";
import { join, logIn, register, TestServer, type User } from "./harness.ts";
import { onEveryPair } from "./worlds.ts";

onEveryPair("members: in pages, with who is online, for members only; login lists none", async (world) => {
  const [one, two] = await world.start();
  const users: User[] = [];
  for (let i = 0; i < 5; i++) users.push(await join(i % 2 ? two : one, `user ${i}`));
  const [ann, bob, , , eve] = users as [User, User, User, User, User];
  const { groupid } = await ann.wire.ask({ msgid: 9, groupname: "team", groupdesc: "d" }, 18);
  const joined = await bob.wire.ask({ msgid: 10, groupid, details: true }, 19);
  assertEquals([joined.groupname, joined.size, joined.members.length], ["team", 2, 2]);
  for (const { wire } of users.slice(2, 4)) await wire.ask({ msgid: 10, groupid }, 19);
  await users[2]!.wire.ask({ msgid: 3 }, 17);
  const before = Date.now();

  const page = async (after: number, limit: number) =>
    await bob.wire.ask({ msgid: 31, groupid, after, limit, rid: `r${after}` }, 24);
  const first = await page(0, 3);
  assertEquals([first.ref, first.rid, first.more], [31, "r0", true]);
  const members = [...first.members, ...(await page(first.members.at(-1).id, 3)).members];
  assertEquals(
    members.map(({ id, name, state, role, muted }) => [id, name, state, role, muted]),
    users.slice(0, 4).map((
      { id, name },
      i,
    ) => [id, name, i === 2 ? "offline" : "online", i === 0 ? "creator" : "normal", 0]),
  );
  assert(members.every(({ joined }) => Math.abs(joined - before) < 60_000));
  assertEquals((await page(members.at(-1).id, 3)).more, false);
  assertEquals((await eve.wire.ask({ msgid: 31, groupid }, 16)).errno, 105);
  assertEquals((await eve.wire.ask({ msgid: 31, groupid: 999 }, 16)).errno, 104);
  for (const limit of [0, 201]) {
    assertEquals((await bob.wire.ask({ msgid: 31, groupid, limit }, 16)).errno, 100);
  }

  await using again = await logIn(one, { id: users[2]!.id, name: "user 2" });
  assertEquals(again.ack.groups, [{
    id: groupid,
    groupname: "team",
    groupdesc: "d",
    role: "normal",
    size: 4,
  }]);
  await users[3]!.wire.ask({ msgid: 3 }, 17);
  await using old = await logIn(two, { id: users[3]!.id, name: "user 3", v: 1 });
  const [group] = old.ack.groups.map((text: string) => JSON.parse(text));
  assertEquals(
    group.users.map((text: string) => JSON.parse(text).name),
    users.slice(0, 4).map((u) => u.name),
  );
  for (const user of users) await user.wire[Symbol.asyncDispose]();
});

onEveryPair(
  "limits: members of a group, groups and friends of a user are refused with 113",
  async (world) => {
    const [one, two] = await world.start("--group-members=2", "--user-groups=2", "--user-friends=1");
    await using ann = await join(one, "ann");
    await using bob = await join(two, "bob");
    await using cid = await join(one, "cid");
    const create = (user: User, answer: number) =>
      user.wire.ask({ msgid: 9, groupname: "g", groupdesc: "" }, answer);
    const { groupid } = await create(ann, 18);
    assertEquals((await bob.wire.ask({ msgid: 10, groupid }, 19)).errno, 0);
    assertEquals((await cid.wire.ask({ msgid: 10, groupid }, 19)).errno, 113);
    assertEquals((await bob.wire.ask({ msgid: 10, groupid }, 19)).errno, 111, "a member already");
    await create(ann, 18);
    assertEquals((await create(ann, 16)).errno, 113);
    const { groupid: another } = await create(cid, 18);
    const full = await ann.wire.ask({ msgid: 10, groupid: another }, 19);
    assertEquals([full.errno, full.errmsg], [113, "you are in as many groups as a user may be"]);

    await ann.wire.ask({ msgid: 7, friendid: bob.id, mid: "r1" }, 12);
    await bob.wire.ask({ msgid: 8, friendid: ann.id, flag: true, mid: "a1" }, 12);
    await cid.wire.ask({ msgid: 7, friendid: ann.id, mid: "r2" }, 12);
    const refused = await ann.wire.ask({ msgid: 8, friendid: cid.id, flag: true, mid: "a2" }, 16);
    assertEquals([refused.errno, refused.mid], [113, "a2"]);
    await ann.wire.ask({ msgid: 8, friendid: cid.id, flag: false, mid: "a3" }, 12);
  },
);

Deno.test("login: friends show when they were seen last", async () => {
  await using server = await TestServer.start();
  await using ann = await join(server, "ann");
  await using bob = await join(server, "bob");
  await ann.wire.ask({ msgid: 7, friendid: bob.id, mid: "r" }, 12);
  await bob.wire.ask({ msgid: 8, friendid: ann.id, flag: true, mid: "a" }, 12);
  const before = Date.now();
  await bob.wire.ask({ msgid: 3 }, 17);
  const deadline = Date.now() + 10_000;
  while (true) {
    await ann.wire.ask({ msgid: 3 }, 17);
    const ack = await ann.wire.ask({ msgid: 1, v: 2, id: ann.id, password: ann.password }, 2);
    const [friend] = ack.friends;
    if (friend.seen !== 0 || Date.now() > deadline) {
      assertEquals([friend.name, friend.state], ["bob", "offline"]);
      assert(friend.seen >= before && friend.seen <= Date.now(), `${friend.seen}`);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
});

Deno.test("register: names that look alike, invisible characters, short passwords", async () => {
  await using server = await TestServer.start();
  await register(server, "alice");
  await using wire = await server.connect();
  const ask = async (name: string, { password = "long enough", v = 2 } = {}) => {
    await wire.send({ msgid: 4, name, password, ...(v === 2 ? { v } : {}) });
    const { errno, errmsg = "" } = await wire.next(5, 16);
    return `${errno} ${errmsg}`;
  };
  assertEquals(await ask("\u0430lice"), "1 this name looks like one that is taken");
  assertEquals(await ask("alice"), "1 this name is taken");
  for (
    const name of ["al\u200bice", "bob\u202egnp", "\u2066bob\u2069", "b\u00adob", "\u115fbob", "bo\ufeffb"]
  ) {
    assert((await ask(name)).startsWith('100 "name" has invisible characters'), JSON.stringify(name));
  }
  for (const name of ["\u{1f468}\u200d\u{1f469}\u200d\u{1f467} family", "I \u2764\ufe0f tea", "王芳"]) {
    assertEquals(await ask(name), "0 ", name);
  }
  assertEquals(await ask("short", { password: "1234567" }), '100 "password" has fewer than 8 characters');
  assertEquals(await ask("emoji", { password: "👍👍👍👍👍👍👍👍" }), "0 ");
  assertEquals(await ask("old", { password: "1", v: 1 }), "0 ");
  assertEquals(await ask("\u0958".repeat(50)), '107 "name" is longer than 50 characters');
});
