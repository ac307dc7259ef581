import { assertEquals } from "@std/assert";
import type { Reply } from "../protocol/messages.ts";
import { type Store, StoreUnavailable } from "../stores/store.ts";
import { Presence } from "./presence.ts";
import type { Session } from "./sessions.ts";
import { system } from "../system.ts";

/** Everybody is a friend of user 1; who is online is settable. */
function setUp(options: { online: number[] }) {
  const told: string[] = [];
  const asked: number[][] = [];
  const defects: unknown[] = [];
  const online = new Set(options.online);
  const state = { failures: 0, whileAsked: () => {}, hearing: true, tick: () => {} };
  const sessions: Session[] = [];
  const store = {
    accounts: { find: ({ id }: { id: number }) => Promise.resolve({ id, name: `user ${id}`, password: "" }) },
    social: { friends: (id: number) => Promise.resolve(id === 1 ? [] : [{ id: 1, name: "user 1" }]) },
    leases: {
      online(users: readonly number[]) {
        asked.push([...users]);
        if (state.failures-- > 0) return Promise.reject(new StoreUnavailable("away"));
        const found = new Set(users.filter((user) => online.has(user)));
        state.whileAsked();
        return Promise.resolve(found);
      },
    },
  } as unknown as Pick<Store, "accounts" | "social" | "leases">;
  const delivery = {
    tell(user: number, reply: Reply) {
      if (reply.msgid === 23) told.push(`${user}: ${reply.name} ${reply.state}`);
    },
  };
  const presence = new Presence({
    store,
    delivery,
    sessions: { all: () => sessions },
    isHearing: () => state.hearing,
    system: { ...system, now: () => 0, every: (_, run) => (state.tick = run, () => {}) },
    onDefect: (error) => defects.push(error),
  });
  return { presence, told, asked, defects, online, state, sessions };
}

Deno.test("presence: that somebody went is told to friends who are online, once", async () => {
  const { presence, told } = setUp({ online: [1] });
  presence.left({ id: 2, name: "bob" });
  presence.left({ id: 2, name: "bob" });
  await presence.close();
  assertEquals(told, ["1: bob offline"]);
});

Deno.test("presence: friends who are offline are not told", async () => {
  const { presence, told } = setUp({ online: [] });
  presence.left({ id: 2, name: "bob" });
  await presence.close();
  assertEquals(told, []);
});

Deno.test("presence: users of a dead node are looked up some at a time, with one question about states each time", async () => {
  const { presence, told, asked, defects } = setUp({ online: [1] });
  presence.lost(Array.from({ length: 250 }, (_, i) => i + 2));
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(asked.length, 1, "the others come after a pause");
  await presence.close();
  assertEquals(asked.length, 3);
  assertEquals(Math.max(...asked.map(({ length }) => length)), 101);
  assertEquals([told.length, told[0], new Set(told).size, defects], [250, "1: user 2 offline", 250, []]);
});

Deno.test("presence: who is back is not told to be gone, on this node or on another one", async () => {
  const { presence, told, online, state } = setUp({ online: [1] });
  presence.left({ id: 2, name: "bob" });
  presence.came({ id: 2, name: "bob" }, [1]);
  online.add(3);
  presence.left({ id: 3, name: "cid" });
  presence.left({ id: 4, name: "dan" });
  // In the middle of the look at who is online.
  state.whileAsked = () => {
    state.whileAsked = () => {};
    presence.came({ id: 4, name: "dan" }, [1]);
  };
  await presence.close();
  assertEquals(told, ["1: bob online", "1: dan online"]);
});

Deno.test("presence: who goes again while the news of the first time is on its way is told to be gone", async () => {
  const { presence, told, state } = setUp({ online: [1] });
  presence.left({ id: 2, name: "bob" });
  state.whileAsked = () => {
    state.whileAsked = () => {};
    presence.came({ id: 2, name: "bob" }, [1]);
    presence.left({ id: 2, name: "bob" });
  };
  await presence.close();
  assertEquals(told, ["1: bob online", "1: bob offline"]);
});

Deno.test("presence: a store that is away loses news, and nothing more", async () => {
  const { presence, told, defects, state } = setUp({ online: [1] });
  state.failures = 1;
  presence.lost(Array.from({ length: 150 }, (_, i) => i + 2));
  await presence.close();
  assertEquals([told.length, defects], [50, []]);
});

Deno.test("presence: what cannot be told because the store is away is told when it is there again", async () => {
  const { presence, told, state, defects } = setUp({ online: [1] });
  state.failures = 2;
  presence.left({ id: 2, name: "bob" });
  const deadline = Date.now() + 5000;
  while (told.length === 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 10));
  assertEquals([told, defects], [["1: bob offline"], []]);
  await presence.close();
});

Deno.test("presence: who went unheard is found by asking the store, within seconds while nothing can be heard", async () => {
  const { presence, told, online, state, sessions } = setUp({ online: [1, 3] });
  const takenForOnline = new Map([[2, { name: "bob" }], [3, { name: "eve" }]]);
  sessions.push({ user: { id: 1, name: "ann" }, takenForOnline, ended: false } as unknown as Session);
  presence.start();
  const turn = () => new Promise((resolve) => setTimeout(resolve));
  state.tick();
  await turn();
  assertEquals(told, [], "what can be heard is seldom asked for");
  state.hearing = false;
  state.tick();
  await turn();
  assertEquals(told, ["1: bob offline"]);
  // Came again while the store was asked: that is the newer news.
  online.delete(3);
  state.whileAsked = () => takenForOnline.set(3, { name: "eve" });
  state.tick();
  await turn();
  assertEquals(told, ["1: bob offline", "1: bob offline"]);
  await presence.close();
});
