import { assert, assertEquals, AssertionError, assertRejects } from "@std/assert";
import { pairConv } from "../protocol/conversation.ts";
import type { Kind } from "../protocol/messages.ts";
import { type Appended, MAX_TOKENS, type NewMessage, type Pulse, type Store } from "./store.ts";

/** What nothing in the server does, and operators and other programs do. */
export interface Surgery {
  /** Removes entries of a conversation for good. */
  purge(range: { readonly conv: string; readonly from: number; readonly to: number }): Promise<void>;
  /** Removes an account, and nothing that it has written. */
  removeAccount(user: number): Promise<void>;
}

/** Makes an empty store; disposing of it closes and removes it. */
export type StoreFactory = () => Promise<{ store: Store; surgery?: Surgery } & AsyncDisposable>;

/** What {@linkcode Store} promises, as tests of one adapter. */
export function storeContract(
  adapter: string,
  create: StoreFactory,
  options: { ignore?: boolean } = {},
): void {
  const test = (name: string, run: (store: Store, surgery?: Surgery) => Promise<void>) =>
    Deno.test({
      name: `store on ${adapter}: ${name}`,
      ignore: options.ignore ?? false,
      fn: async () => {
        await using made = await create();
        await run(made.store, made.surgery);
      },
    });

  test("accounts: names are unique code point by code point, ids are never 0", async (store) => {
    const ann = there(await store.accounts.create("ann", "hash 1"));
    assert(ann > 0);
    assertEquals(await store.accounts.create("ann", "hash 2"), undefined);
    for (const name of ["Ann", "änn", "a\u0308nn", "ANN", "名前", "👍", "👎", "' OR 1=1 --"]) {
      const id = await store.accounts.create(name, "x");
      assert(id !== undefined, `${name} is another name`);
      assertEquals(plain(await store.accounts.find({ name })), { id, name, password: "x" });
    }
    assertEquals(plain(await store.accounts.find({ id: ann })), { id: ann, name: "ann", password: "hash 1" });
    assertEquals(await store.accounts.find({ name: "nobody" }), undefined);
    for (const id of [0, -1, 2 ** 53 - 1]) assertEquals(await store.accounts.find({ id }), undefined);
    await store.accounts.setPassword(ann, "hash 3");
    assertEquals((await store.accounts.find({ id: ann }))?.password, "hash 3");
  });

  test("accounts: of simultaneous registrations of a name one wins", async (store) => {
    const ids = await Promise.all(Array.from({ length: 10 }, () => store.accounts.create("same", "x")));
    assertEquals(ids.filter((id) => id !== undefined).length, 1);
  });

  test("accounts: tokens expire, and only the newest are kept", async (store) => {
    const user = await userOf(store, "ann");
    const token = (n: number) => n.toString(16).padStart(64, "0");
    for (let n = 0; n < MAX_TOKENS + 2; n++) {
      await store.accounts.addToken({ user, device: "", hash: token(n), expires: 1000 + n }, 10);
    }
    assertEquals(await store.accounts.findToken(token(0), 20), undefined, "too many");
    assertEquals(await store.accounts.findToken(token(1), 20), undefined, "too many");
    assertEquals(plain(await store.accounts.findToken(token(2), 20)), {
      id: user,
      name: "ann",
      device: "",
      expires: 1002,
    });
    assertEquals(await store.accounts.findToken(token(2), 1002), undefined, "expired");
    assertEquals(await store.accounts.findToken("f".repeat(64), 20), undefined);
  });

  test("log: numbers are contiguous from 1, conversation by conversation", async (store) => {
    const chat = await talkers(store);
    const results = await Promise.all([
      chat("a", "b", "1"),
      chat("b", "a", "2"),
      chat("a", "a", "3"),
      chat("a", "b", "4"),
    ]);
    assertEquals(results.map((result) => stored(result).seq), [1, 2, 1, 3]);
    const first = stored(results[0]!);
    assertEquals(
      await store.log.read({ conv: first.conv, after: 0, limit: 1 }).then((page) => page.map(plain)),
      [plain(first)],
    );
    assert(Math.abs(first.at - Date.now()) < 60_000);
  });

  test("log: many at once in both directions leave no hole", async (store) => {
    const chat = await talkers(store);
    const sent = Array.from({ length: 300 }, (_, i) => chat(i % 2 ? "a" : "b", i % 2 ? "b" : "a", `${i}`));
    const seqs = (await Promise.all(sent)).map((result) => stored(result).seq);
    assertEquals(seqs.toSorted((a, b) => a - b), seqs.map((_, i) => i + 1));
    const page = await store.log.read({ conv: stored(await sent[0]!).conv, after: 0, limit: 1000 });
    assertEquals(page.map(({ seq }) => seq), seqs.map((_, i) => i + 1));
  });

  test("log: a (sender, mid) is stored once, at once or later", async (store) => {
    const chat = await talkers(store);
    const results = await Promise.all(Array.from({ length: 20 }, () => chat("a", "b", "same")));
    results.push(await chat("a", "b", "same"), await chat("a", "a", "same"));
    assertEquals(results.filter((result) => "fresh" in result && result.fresh).length, 1);
    assertEquals(new Set(results.map((result) => JSON.stringify(plain(stored(result))))).size, 1);
    assertEquals(stored(await chat("b", "a", "same")).seq, 2, "another sender's");
    assertEquals(stored(await chat("b", "a", null)).seq, 3);
    assertEquals(stored(await chat("b", "a", null)).seq, 4, "without a mid nothing is a resend");
  });

  test("log: mids differ by case", async (store) => {
    const chat = await talkers(store);
    assertEquals([stored(await chat("a", "b", "m")).seq, stored(await chat("a", "b", "M")).seq], [1, 2]);
  });

  test("log: texts come back as they went in", async (store) => {
    const chat = await talkers(store);
    const texts = ['"', "\\", "'", "\0", "\ud800", "👩‍👩‍👧", "\u202e", "\r\n", "", " ", "%s", "x".repeat(60_000)];
    for (const text of texts) await chat("a", "b", null, text);
    const { conv } = stored(await chat("a", "b", null));
    const page = await store.log.read({ conv, after: 0, limit: 100 });
    assertEquals(page.slice(0, -1).map(({ body }) => JSON.parse(body)), texts);
  });

  test("log: nobody to write to, and not a member", async (store) => {
    const sender = await userOf(store, "a");
    const message = { kind: "chat", sender, senderName: "a", mid: "m", body: '""' } as const;
    for (const to of [0, -1, sender + 1, 2 ** 53 - 1]) {
      assertEquals(await store.log.append({ ...message, conv: pairConv(sender, to), to }), {
        refused: "no_user",
      });
    }
    assertEquals(await store.log.append({ ...message, conv: "g77", to: undefined }), {
      refused: "not_a_member",
    });
    assertEquals(
      stored(await store.log.append({ ...message, conv: pairConv(sender, sender), to: sender })).seq,
      1,
    );
  });

  test("log: friend requests and answers, each step once", async (store) => {
    const step = await talkers(store);
    const kind = (from: string, to: string, kind: Kind, mid: string | null = null) =>
      step(from, to, mid, "x", kind);
    assertEquals(await kind("a", "b", "accept"), { refused: "no_request" });
    const request = stored(await kind("a", "b", "request", "r"));
    assertEquals([request.seq, request.kind], [1, "request"]);
    assertEquals(await kind("a", "b", "request"), { refused: "already" });
    assertEquals(stored(await kind("a", "b", "request", "r")).seq, 1, "a resend");
    assertEquals(await kind("a", "b", "accept"), { refused: "no_request" }, "not one's own");
    assertEquals(stored(await kind("b", "a", "refuse")).kind, "refuse");
    assertEquals(await kind("b", "a", "accept"), { refused: "no_request" }, "answered");
    stored(await kind("a", "b", "request"));
    stored(await kind("b", "a", "request"));
    const accept = stored(await kind("b", "a", "accept", "yes"));
    assertEquals(stored(await kind("b", "a", "accept", "yes")).seq, accept.seq, "a resend");
    assertEquals(
      await kind("a", "b", "accept"),
      { refused: "no_request" },
      "the crossing request is settled too",
    );
    assertEquals(await kind("b", "a", "request"), { refused: "already" });
    const [a, b] = [await idOf(store, "a"), await idOf(store, "b")];
    assertEquals((await store.social.friends(a)).map(plain), [{ id: b, name: "b", seen: 0 }]);
    assertEquals((await store.social.friends(b)).map(plain), [{ id: a, name: "a", seen: 0 }]);
  });

  test("requests: who waits for an answer, by id, until there is one", async (store) => {
    const step = await talkers(store);
    const eve = await userOf(store, "eve");
    const [a, b] = [await idOf(store, "a"), await idOf(store, "b")];
    const askers = async (user: number) => (await store.social.requests(user)).map(plain);
    assertEquals([await askers(a), await askers(b)], [[], []]);
    stored(
      await store.log.append({
        conv: pairConv(eve, b),
        kind: "request",
        sender: eve,
        senderName: "eve",
        to: b,
        mid: null,
        body: '"x"',
      }),
    );
    stored(await step("a", "b", null, "x", "request"));
    assertEquals(await step("a", "b", null, "x", "request"), { refused: "already" });
    assertEquals([await askers(a), await askers(b)], [[], [{ id: a, name: "a" }, { id: eve, name: "eve" }]]);
    stored(await step("b", "a", null, "x", "refuse"));
    assertEquals(await askers(b), [{ id: eve, name: "eve" }]);
    stored(await step("a", "b", null, "x", "request"));
    stored(await step("b", "a", null, "x", "request"));
    stored(await step("a", "b", null, "x", "accept"));
    assertEquals([await askers(a), await askers(b)], [[], [{ id: eve, name: "eve" }]], "crossing requests");
    const many = await Promise.all([a, b, eve].map((user) => store.social.requests(user)));
    assertEquals(many.map(({ length }) => length), [0, 1, 0]);
  });

  test("log: of simultaneous answers to one request one counts", async (store) => {
    const step = await talkers(store);
    stored(await step("a", "b", null, "x", "request"));
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => step("b", "a", null, "x", i % 2 ? "accept" : "refuse")),
    );
    assertEquals(answers.filter((answer) => "stored" in answer).length, 1);
  });

  test("log: pages in both directions, by number and by size", async (store) => {
    const chat = await talkers(store);
    let conv = "";
    for (let i = 1; i <= 10; i++) conv = stored(await chat("a", "b", null, "x".repeat(98))).conv;
    const seqs = async (page: object) =>
      (await store.log.read({ conv, limit: 100, ...page })).map(({ seq }) => seq);
    assertEquals(await seqs({ after: 7 }), [8, 9, 10]);
    assertEquals(await seqs({ after: 2, limit: 2 }), [3, 4]);
    assertEquals(await seqs({ before: 4 }), [1, 2, 3]);
    assertEquals(await seqs({ before: 9, limit: 2 }), [7, 8]);
    assertEquals(await seqs({ after: 10 }), []);
    assertEquals(await seqs({ after: 0, maxSize: 250 }), [1, 2]);
    assertEquals(await seqs({ before: 11, maxSize: 250 }), [9, 10]);
    assertEquals(await seqs({ after: 0, maxSize: 1 }), [1], "at least one");
    assertEquals(await store.log.read({ conv: "u1-999", after: 0, limit: 5 }), []);
  });

  test(
    "log: purged entries and senders without an account do not end a conversation",
    async (store, surgery) => {
      // Nobody else can open a database in memory.
      if (!surgery) return;
      const chat = await talkers(store);
      const many = Array.from(
        { length: 500 },
        (_, i) => chat(i < 250 ? "b" : "a", i < 250 ? "a" : "b", `${i}`),
      );
      const { conv } = stored((await Promise.all(many))[0]!);
      await surgery.removeAccount(await idOf(store, "b"));
      const read = async (page: object) => await store.log.read({ conv, limit: 100, ...page });
      const seqs = async (page: object) => (await read(page)).map(({ seq }) => seq);
      const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
      for (const maxSize of [undefined, 100_000]) {
        const bounds = maxSize === undefined ? {} : { maxSize };
        assertEquals(await seqs({ after: 10, ...bounds }), range(11, 110));
        assertEquals(await seqs({ before: 240, ...bounds }), range(140, 239));
      }
      assertEquals((await read({ after: 248, limit: 4 })).map(({ senderName }) => senderName), [
        "",
        "",
        "a",
        "a",
      ]);
      await surgery.purge({ conv, from: 11, to: 240 });
      for (const maxSize of [undefined, 100_000, 1]) {
        const bounds = maxSize === undefined ? {} : { maxSize };
        const size = maxSize === 1 ? 1 : 100;
        assertEquals(await seqs({ after: 10, ...bounds }), range(241, 240 + size));
        assertEquals((await seqs({ before: 241, ...bounds })).at(-1), 10);
      }
      assertEquals(await seqs({ before: 245 }), [...range(1, 10), ...range(241, 244)]);
      await surgery.purge({ conv, from: 1, to: 10 });
      assertEquals(await seqs({ after: 0, limit: 2 }), [241, 242]);
      assertEquals(await seqs({ before: 241 }), []);
      assertEquals(await seqs({ after: 500 }), []);
      const a = await idOf(store, "a");
      assertEquals((await store.log.conversations(a)).map(({ seq }) => seq), [500]);
    },
  );

  test("log: a page by size goes on where large and small entries alternate", async (store) => {
    const chat = await talkers(store);
    let conv = "";
    for (let i = 1; i <= 60; i++) {
      conv = stored(await chat("a", "b", null, "x".repeat(i % 20 === 0 ? 998 : 8))).conv;
    }
    const seqs: number[] = [];
    let found;
    do {
      found = await store.log.read({ conv, after: seqs.at(-1) ?? 0, limit: 50, maxSize: 1000 });
      const size = found.reduce((sum, { body }) => sum + body.length, 0);
      assert(found.length <= 1 || size <= 1000, `${size}`);
      seqs.push(...found.map(({ seq }) => seq));
    } while (found.length > 0);
    assertEquals(seqs, Array.from({ length: 60 }, (_, i) => i + 1));
  });

  test("log: cursors move forward only, and only where the user is", async (store) => {
    const chat = await talkers(store);
    const [user, stranger] = [await idOf(store, "b"), await userOf(store, "eve")];
    let conv = "";
    for (let i = 1; i <= 5; i++) conv = stored(await chat("a", "b", null)).conv;
    const progress = async () => (await store.log.conversations(user)).map(plain);
    assertEquals(await progress(), [{ conv, seq: 5, delivered: 0, read: 0 }]);
    await store.log.moveCursors([{ user, device: "", conv, delivered: 4 }, {
      user: stranger,
      device: "",
      conv,
      delivered: 5,
      read: 5,
    }]);
    await store.log.moveCursors([{ user, device: "", conv, delivered: 2, read: 1 }]);
    await store.log.moveCursors([]);
    assertEquals(await progress(), [{ conv, seq: 5, delivered: 4, read: 1 }]);
    assertEquals((await store.log.behind([user, stranger].map(nameless))).map(plain), [{
      user,
      device: "",
      conv,
      seq: 5,
      delivered: 4,
    }]);
    const many = Array.from({ length: 120 }, () => ({ user, device: "", conv, delivered: 5 }));
    await store.log.moveCursors([...many, { user, device: "", conv: "u1-999999", delivered: 5 }]);
    assertEquals(await progress(), [{ conv, seq: 5, delivered: 5, read: 1 }]);
    assertEquals(await store.log.behind([user, stranger].map(nameless)), []);
    assertEquals(await store.log.behind([]), []);
    assertEquals(await store.log.conversations(stranger), []);
    assertEquals(plain(await store.log.membership(conv, user)), { joined: 0 });
    assertEquals(await store.log.membership(conv, stranger), undefined);
  });

  test("log: cursors do not move beyond the newest entry, or they would hide what comes later", async (store) => {
    const chat = await talkers(store);
    const user = await idOf(store, "b");
    const { conv } = stored(await chat("a", "b", null));
    await store.log.moveCursors([{ user, device: "", conv, delivered: 7, read: 6 }]);
    assertEquals((await store.log.conversations(user)).map(plain), [{ conv, seq: 1, delivered: 1, read: 1 }]);
    await chat("a", "b", null);
    assertEquals((await store.log.behind([nameless(user)])).map(plain), [{
      user,
      device: "",
      conv,
      seq: 2,
      delivered: 1,
    }]);
  });

  test("groups: members, roles, and what came before joining", async (store) => {
    const [creator, member] = [await userOf(store, "ann"), await userOf(store, "bob")];
    const group = there(await store.social.createGroup({ name: "team", description: "d", creator }));
    const another = there(await store.social.createGroup({ name: "team", description: "", creator }));
    assert(group > 0 && another !== group, "names need not be unique");
    const conv = `g${group}`;
    const say = (mid: string) =>
      store.log.append({
        conv,
        kind: "chat",
        sender: creator,
        senderName: "ann",
        to: undefined,
        mid,
        body: '"x"',
      });
    assertEquals([stored(await say("1")).seq, stored(await say("2")).seq], [1, 2]);
    assertEquals(await store.social.joinGroup(group, member), { joined: 2 });
    assertEquals(await store.social.joinGroup(group, member), "already");
    assertEquals(await store.social.joinGroup(group, creator), "already");
    for (const nothing of [0, -1, another + 1]) {
      assertEquals(await store.social.joinGroup(nothing, member), "no_group");
      assertEquals(await store.social.groupExists(nothing), false);
    }
    assertEquals(await store.social.groupExists(group), true);
    assertEquals((await store.social.groups(member)).map(plain), [{
      id: group,
      name: "team",
      description: "d",
      role: "normal",
      size: 2,
    }]);
    assertEquals((await store.social.groups(creator)).map(({ id }) => id), [another, group]);
    assertEquals((await store.log.conversations(member)).map(plain), [{
      conv,
      seq: 2,
      delivered: 2,
      read: 2,
    }]);
    assertEquals(plain(await store.log.membership(conv, member)), { joined: 2 });
  });

  test("groups: of simultaneous joins of one user one counts", async (store) => {
    const [creator, member] = [await userOf(store, "ann"), await userOf(store, "bob")];
    const group = there(await store.social.createGroup({ name: "g", description: "", creator }));
    const joins = await Promise.all(Array.from({ length: 8 }, () => store.social.joinGroup(group, member)));
    assertEquals(joins.filter((join) => typeof join === "object").length, 1);
  });

  test("I6: leases are taken once, given back by their holder only, and may be asked for", async (store) => {
    const { leases } = store;
    for (const n of [1, 2]) await leases.enter({ id: `node ${n}`, beat: 1 });
    const first = await Promise.all(
      [1, 2, 1, 2].map((n, i) => leases.take({ ...lease(7, n), session: `s${i}` })),
    );
    assertEquals(first.filter((holder) => holder === undefined).length, 1);
    assertEquals(await leases.take(lease(8, 1)), undefined);
    assertEquals(await leases.take(lease(8, 1)), undefined, "it is this session's");
    assertEquals(plain(await leases.take(lease(8, 2))), lease(8, 1));
    assertEquals([...await leases.online([7, 8, 9])].sort(), [7, 8]);
    assertEquals(await leases.online([]), new Set());
    await leases.release(lease(8, 2));
    assertEquals([...await leases.online([8])], [8], "not the holder's");
    await leases.want(nameless(8), "takeover");
    await leases.want(nameless(9), "takeover");
    const held = (await leases.held("node 1")).filter(({ user }) => user === 8).map(plain);
    assertEquals(held, [{
      ...{ user: 8, device: "", session: lease(8, 1).session },
      ...{ wanted: "takeover", elsewhere: false },
    }]);
    await leases.release(lease(8, 1));
    assertEquals(await leases.take(lease(8, 2)), undefined);
    assertEquals((await leases.held("node 2")).filter(({ user }) => user === 8)[0]?.wanted, undefined);
    assertEquals(await leases.sweep(), { freed: [], left: 0 }, "both nodes are known");
    await leases.leave("node 1");
    await leases.leave("node 2");
    assertEquals(await leases.online([7, 8]), new Set());
  });

  test("I6: of many leases taken and given back at once each has its own result", async (store) => {
    const { leases } = store;
    for (const n of [1, 2]) await leases.enter({ id: `node ${n}`, beat: 1 });
    const users = Array.from({ length: 300 }, (_, i) => i + 1);
    // Both nodes want everybody, in different orders, and every third one twice.
    const takes = [...users, ...users.toReversed(), ...users.filter((user) => user % 3 === 0)].map((
      user,
      i,
    ) => lease(user, i < 300 ? 1 : 2, `${i}`));
    const holders = await Promise.all(takes.map((taken) => leases.take(taken)));
    const winners = takes.filter((_, i) => !holders[i]);
    assertEquals(winners.map(({ user }) => user).sort((a, b) => a - b), users);
    const sessions = new Map(winners.map(({ user, session }) => [user, session]));
    holders.forEach((holder) => holder && assertEquals(holder.session, sessions.get(holder.user)));
    await Promise.all(takes.map((taken) => leases.release(taken)));
    assertEquals(await leases.online(users), new Set());
  });

  test("I6: a node that counts is not buried; one that does not is, and its leases end with it", async (store) => {
    const { leases } = store;
    const beatOf = (pulse: Pulse, node: string) => pulse.nodes.find(({ id }) => id === node)?.beat;
    for (const [n, beat] of [[1, 1], [2, 40]] as const) await leases.enter({ id: `node ${n}`, beat });
    await leases.take(lease(7, 1));
    await leases.take(lease(8, 2));
    const seen = await leases.beat("node 2");
    assertEquals([beatOf(seen, "node 1"), beatOf(seen, "node 2"), seen.ours], [1, 41, true]);
    assertEquals(seen.log, (await store.cluster.read()).log);
    await leases.beat("node 1");
    await leases.bury({ id: "node 1", beat: 1 });
    assertEquals(beatOf(await leases.beat("node 2"), "node 1"), 2, "it counted in between");
    await leases.bury({ id: "node 1", beat: 2 });
    assertEquals(await leases.sweep(), { freed: [7], left: 0 });
    assertEquals(await leases.sweep(), { freed: [], left: 0 });
    assertEquals([...await leases.online([7, 8])], [8]);
    const after = await leases.beat("node 1");
    assertEquals([after.ours, beatOf(after, "node 1")], [false, undefined]);
    await leases.enter({ id: "node 1", beat: 1002 });
    const again = await leases.beat("node 1");
    assertEquals([again.ours, beatOf(again, "node 1")], [true, 1003]);
    assertEquals(await leases.take(lease(7, 1)), undefined);
    assertEquals(await leases.sweep(), { freed: [], left: 0 }, "known again");
  });

  test("cluster: has a name and a secret for good; its log gets a new name once for each old one", async (store) => {
    const first = await store.cluster.read();
    assertEquals([first.name.length, first.secret.length, first.log.length], [12, 43, 12]);
    const names = await Promise.all(Array.from({ length: 5 }, () => store.cluster.renameLog(first.log)));
    assertEquals(new Set(names).size, 1);
    assert(names[0] !== first.log);
    assertEquals({ ...await store.cluster.read() }, { ...first, log: names[0]! });
    assertEquals(await store.cluster.renameLog(first.log), names[0]);
  });

  test("close: what was asked before is finished", async (store) => {
    const chat = await talkers(store);
    const sent = Array.from({ length: 50 }, (_, i) => chat("a", "b", `${i}`));
    await store.close();
    assertEquals((await Promise.all(sent)).map((result) => stored(result).seq).at(-1), 50);
  });

  test("close: later calls are refused", async (store) => {
    const chat = await talkers(store);
    await store.close();
    await store.close();
    await assertRejects(() => chat("a", "b", "late"));
    await assertRejects(() => store.accounts.create("late", "x"));
    await assertRejects(() => store.accounts.find({ id: 1 }));
    await assertRejects(() => store.log.moveCursors([{ user: 1, device: "", conv: "u1-2", delivered: 1 }]));
  });
}

const nameless = (user: number) => ({ user, device: "" });

/** A lease of one of the nodes that tests are about. */
export const lease = (user: number, n: number, name = "", device = "") => ({
  user,
  device,
  node: `node ${n}`,
  session: `session ${n} of ${user}${name && ` ${name}`}`,
});

/** Some drivers give rows without a prototype. */
export function plain<T extends object>(row: T | undefined): T | undefined {
  return row && { ...row };
}

export function stored(result: Appended) {
  if ("stored" in result) return result.stored;
  throw new AssertionError(`refused: ${result.refused}`);
}

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new AssertionError("nothing there");
  return value;
}

export const userOf = async (store: Store, name: string) => there(await store.accounts.create(name, "x"));
export const idOf = async (store: Store, name: string) => there(await store.accounts.find({ name })).id;

/** Two users a and b, and a way for them to write to each other. */
export async function talkers(store: Store) {
  const ids: Record<string, number> = { a: await userOf(store, "a"), b: await userOf(store, "b") };
  return (
    from: string,
    to: string,
    mid: string | null,
    text = "x",
    kind: Kind = "chat",
  ): Promise<Appended> => {
    const message: NewMessage = {
      conv: pairConv(ids[from]!, ids[to]!),
      kind,
      sender: ids[from]!,
      senderName: from,
      to: ids[to]!,
      mid,
      body: JSON.stringify(text),
    };
    return store.log.append(message);
  };
}
