import { assertEquals, AssertionError } from "@std/assert";
import { groupConv, pairConv } from "../protocol/conversation.ts";
import type { Kind } from "../protocol/kinds.ts";
import type { StoreFactory } from "./contract_suite.ts";
import type { Appended, Store } from "./store.ts";

/** What {@linkcode Store} promises about names, friends, groups and their bounds, as tests of one adapter. */
export function socialContract(
  adapter: string,
  create: StoreFactory,
  options: { ignore?: boolean } = {},
): void {
  const test = (name: string, run: (store: Store) => Promise<void>) =>
    Deno.test({
      name: `store on ${adapter}: ${name}`,
      ignore: options.ignore ?? false,
      fn: async () => {
        await using made = await create();
        await run(made.store);
      },
    });

  test("names: a skeleton is given once; accounts without one are in nobody's way", async ({ accounts }) => {
    const skeleton = "5".repeat(64);
    const ann = there(await accounts.create("ann", "x", { skeleton }));
    assertEquals(await accounts.create("another", "x", { skeleton }), undefined);
    assertEquals(
      await accounts.create("ann", "x", { skeleton: "6".repeat(64) }),
      undefined,
      "the name is taken",
    );
    for (const old of ["bob", "cid"]) there(await accounts.create(old, "x"));
    assertEquals((await accounts.find({ name: "ann" }))?.id, ann);
  });

  test("friends: the newest first, and when each was seen last", async (store) => {
    const [ann, bob, cid] = await users(store, 3);
    for (const [i, friend] of [bob!, cid!].entries()) {
      await pair(store, { from: ann!, to: friend, kind: "request", mid: `r${i}` });
      await pair(store, { from: friend, to: ann!, kind: "accept", mid: `a${i}` });
      // A later moment of the clock that friendships are dated by.
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    const friends = async () => (await store.social.friends(ann!)).map(({ id, seen }) => [id, seen]);
    assertEquals(await friends(), [[cid, 0], [bob, 0]]);
    await store.accounts.setSeen([{ user: bob!, seen: 500 }, { user: cid!, seen: 500 }]);
    await store.accounts.setSeen([{ user: bob!, seen: 400 }, { user: 999_999, seen: 1 }]);
    assertEquals(await friends(), [[cid, 500], [bob, 500]], "never back");
    await store.accounts.setSeen([]);
  });

  test("friends: nobody accepts beyond the limit of either side", async (store) => {
    const [ann, bob, cid, dan] = await users(store, 4);
    const become = async (from: number, to: number) => {
      await pair(store, { from, to, kind: "request", mid: `r${to}` });
      return await pair(store, { from: to, to: from, kind: "accept", mid: `a${from}`, maxFriends: 2 });
    };
    assertEquals(outcomeOf(await become(ann!, bob!)), 2);
    assertEquals(outcomeOf(await become(ann!, cid!)), 2);
    assertEquals(outcomeOf(await become(ann!, dan!)), "friends_full", "she who asked");
    assertEquals(outcomeOf(await become(dan!, ann!)), "friends_full", "she who was asked");
    assertEquals(outcomeOf(await become(bob!, cid!)), 2);
    assertEquals((await store.social.friends(dan!)).length, 0);
  });

  test("groups: lists of them, and of members, in pages", async (store) => {
    const all = await users(store, 5);
    const [ann, bob] = all;
    const groups: number[] = [];
    for (const name of ["one", "two", "three"]) {
      groups.push(there(await store.social.createGroup({ name, description: "d", creator: ann! })));
    }
    const [first] = groups;
    for (const user of all.slice(1)) await store.social.joinGroup(first!, user);
    assertEquals((await store.social.groups(ann!)).map(({ id }) => id), groups.toReversed());
    assertEquals((await store.social.groups(ann!, 2)).map(({ id }) => id), groups.slice(1).reverse());
    const row = { id: first!, name: "one", description: "d", size: 5 };
    assertEquals(await store.social.groups(bob!).then((rows) => rows.map(plain)), [{
      ...row,
      role: "normal",
    }]);
    assertEquals(plain(await store.social.group(first!, ann!)), { ...row, role: "creator" });
    assertEquals(await store.social.group(groups[1]!, bob!), undefined, "not a member");
    assertEquals(await store.social.group(999, bob!), undefined, "no such group");
    const page = async (after: number, limit: number) =>
      (await store.social.members(first!, { after, limit })).map(({ id, name, role, muted }) =>
        [id, name, role, muted].join(" ")
      );
    const ids = all.toSorted((a, b) => a - b);
    const line = (id: number) => `${id} user ${all.indexOf(id)} ${id === ann ? "creator" : "normal"} 0`;
    assertEquals(await page(0, 3), ids.slice(0, 3).map(line));
    assertEquals(await page(ids[2]!, 3), ids.slice(3).map(line));
    assertEquals(await page(ids.at(-1)!, 3), []);
    assertEquals(await store.social.members(999, { after: 0, limit: 3 }), []);
  });

  test("groups: limits are those of the group and of the user, and nobody who is in is refused", async (store) => {
    const [ann, bob, cid] = await users(store, 3);
    const limits = { members: 2, groups: 2 };
    const make = (creator: number) =>
      store.social.createGroup({ name: "g", description: "", creator }, limits);
    const [one, two] = [there(await make(ann!)), there(await make(ann!))];
    assertEquals(await make(ann!), undefined);
    assertEquals(await store.social.joinGroup(one, bob!, limits), { joined: 0 });
    assertEquals(await store.social.joinGroup(one, cid!, limits), "group_full");
    assertEquals(await store.social.joinGroup(one, bob!, limits), "already");
    const three = there(await make(cid!));
    assertEquals(await store.social.joinGroup(three, ann!, limits), "groups_full");
    assertEquals(await store.social.joinGroup(two, ann!, limits), "already");
    assertEquals(await store.social.joinGroup(one, cid!), { joined: 0 }, "without limits");
    assertEquals((await store.social.group(one, ann!))?.size, 3);
  });

  test("conversations: of very many some are read by name, the others in pages", async (store) => {
    const [ann] = await users(store, 1);
    const convs: string[] = [];
    for (let i = 0; i < 7; i++) {
      const group = there(await store.social.createGroup({ name: "g", description: "", creator: ann! }));
      convs.push(groupConv(group));
    }
    convs.sort();
    assertEquals([await store.log.hasMoreThan(ann!, 6), await store.log.hasMoreThan(ann!, 7)], [true, false]);
    assertEquals(await store.log.hasMoreThan(999, 0), false);
    const owner = { user: ann!, device: "" };
    const row = (conv: string) => ({ conv, seq: 0, delivered: 0, read: 0 });
    const some = await store.log.conversationsOf(owner, [convs[5]!, "g999", convs[1]!]);
    assertEquals(some.map(({ conv }) => conv).sort(), [convs[1], convs[5]]);
    const page = async (after: string, limit: number) =>
      (await store.log.conversationPage(owner, { after, limit })).map(plain);
    assertEquals(await page("", 4), convs.slice(0, 4).map(row));
    assertEquals(await page(convs[3]!, 4), convs.slice(4).map(row));
    assertEquals(await page(convs[6]!, 4), []);
    const phone = { user: ann!, device: "phone" };
    assertEquals(await store.log.conversationPage(phone, { after: "", limit: 4 }), [], "not known");
    await store.devices.enter({ ...phone, client: "", seen: 1 });
    assertEquals(
      (await store.log.conversationPage(phone, { after: convs[1]!, limit: 4 })).map(plain),
      convs.slice(2, 6).map(row),
    );
    assertEquals((await store.log.conversationsOf(phone, [convs[3]!, "g999"])).map(plain), [row(convs[3]!)]);
  });
}

async function users(store: Store, count: number): Promise<number[]> {
  const ids: number[] = [];
  for (let i = 0; i < count; i++) ids.push(there(await store.accounts.create(`user ${i}`, "x")));
  return ids;
}

function pair(
  store: Store,
  { from, to, ...said }: { from: number; to: number; kind: Kind; mid: string; maxFriends?: number },
): Promise<Appended> {
  return store.log.append({
    ...said,
    conv: pairConv(from, to),
    sender: from,
    senderName: "x",
    to,
    body: '"x"',
  });
}

const outcomeOf = (result: Appended) => "stored" in result ? result.stored.seq : result.refused;

/** Rows of some drivers have no prototype. */
const plain = <T>(row: T): T => ({ ...row });

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new AssertionError("nothing there");
  return value;
}
