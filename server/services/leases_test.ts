import { assert, assertEquals, assertRejects } from "@std/assert";
import { noBus } from "../bus/local.ts";
import { Refusal } from "../errors.ts";
import type { EndReason } from "../protocol/messages.ts";
import { MemoryLeases } from "../stores/sqlite/leases.ts";
import { type Lease, type NodeBeat, type Pulse, StoreUnavailable } from "../stores/store.ts";
import { Gate } from "./gate.ts";
import { Leases } from "./leases.ts";
import { type Session, Sessions } from "./sessions.ts";
import { system } from "../system.ts";

/** A store that several nodes use, in memory. */
class SharedLeases extends MemoryLeases {
  override readonly shared = true;
  /** What every call about leases waits for. */
  barrier: Promise<void> = Promise.resolve();
  /** Whether calls fail. */
  away = false;
  /** Users whose rows somebody has locked. */
  readonly locked = new Set<number>();

  override async beat(node: string): Promise<Pulse> {
    await this.#pass();
    return await super.beat(node);
  }

  override async take(lease: Lease): Promise<Lease | undefined> {
    await this.#pass(lease.user);
    const holder = await super.take(lease);
    await this.barrier;
    return holder;
  }

  override async release(lease: Omit<Lease, "node">): Promise<void> {
    await this.#pass(lease.user);
    await super.release(lease);
  }

  async #pass(user?: number): Promise<void> {
    await this.barrier;
    if (this.away || (user !== undefined && this.locked.has(user))) throw new StoreUnavailable("away");
  }
}

/** A cluster whose clock only the test moves. */
function setUp() {
  const world = { now: 0, log: "log 1", renames: 0 };
  const store = new SharedLeases(() => Promise.resolve(world.log));
  const make = (id: string) => {
    const sessions = new Sessions(noBus({ alone: true }), { ...system, monotonic: () => world.now });
    const told: string[] = [];
    const ended: [number, EndReason][] = [];
    const closing: { first: () => Promise<void> } = { first: () => Promise.resolve() };
    const leases: Leases = new Leases({
      store,
      node: id,
      log: world.log,
      renameLog: (old) => {
        if (old === world.log) world.log = `log ${++world.renames + 1}`;
        return Promise.resolve(world.log);
      },
      sessions,
      gate: new Gate({ atOnce: 100, turn: system.turn }),
      system: { ...system, monotonic: () => world.now },
      end: async (session, reason) => {
        ended.push([session.user.id, reason]);
        sessions.remove(session);
        await leases.close(session, () => closing.first());
      },
      askToEvict: () => {},
      onElsewhere: (user) => told.push(`elsewhere ${user}`),
      onNodes: () => {},
      onNodeGone: () => told.push("gone"),
      onFreed: (users) => told.push(`freed ${users}`),
      onConfirmed: () => told.push("confirmed"),
      onLogRenamed: ({ from, to }) => told.push(`${from} is ${to}`),
      onDefect: (error) => told.push(`defect ${error}`),
    });
    const claim = (user: number, takeover = false, device = "") =>
      leases.claim({ user, device, takeover }, (name) => {
        const session = {
          id: name,
          user: { id: user, name: `${user}` },
          device,
          inbox: { close: () => {} },
          groups: new Set(),
          ended: false,
        } as unknown as Session;
        sessions.add(session);
        return session;
      });
    return { id, leases, sessions, told, ended, closing, claim };
  };
  type Node = ReturnType<typeof make>;
  /** Nodes that have begun to count; the timers are the test's. */
  const start = async (...ids: string[]) => {
    const nodes = ids.map(make);
    for (const { id } of nodes) await store.enter({ id, beat: 1 });
    await look(...nodes);
    for (const { told } of nodes) told.length = 0;
    return nodes;
  };
  const look = async (...nodes: Node[]) => {
    for (const { leases } of nodes) await leases.look();
    // What a look leaves for later uses the store in memory only.
    await new Promise((resolve) => setTimeout(resolve));
  };
  /** Lets time go by, second by second, in which these nodes live. */
  const live = async (seconds: number, ...nodes: Node[]) => {
    for (let i = 0; i < seconds; i++) {
      world.now += 1000;
      await look(...nodes);
    }
  };
  return { world, store, start, look, live };
}

Deno.test("leases: I6: of simultaneous logins on two nodes one wins, the others are refused", async () => {
  const { start } = setUp();
  const [one, two] = await start("one", "two");
  const claims = await Promise.allSettled([one!, two!, one!, two!].map(({ claim }) => claim(7)));
  assertEquals(claims.filter(({ status }) => status === "fulfilled").length, 1);
  for (const claim of claims) if (claim.status === "rejected") assertEquals(claim.reason.errno, 2);
});

Deno.test("leases: a takeover ends the session of another node when that node looks, and then has its lease", async () => {
  const { start, look, world } = setUp();
  const [one, two] = await start("one", "two");
  await one!.claim(7);
  const taken = two!.claim(7, true);
  await look(one!);
  assertEquals(one!.ended, [[7, "takeover"]]);
  // It looks again after a moment of the real clock.
  const session = await taken;
  assertEquals(two!.sessions.get({ user: 7, device: "" }), session);
  assertEquals(world.now, 0);
});

Deno.test("leases: a takeover on the same node ends the session first", async () => {
  const { start } = setUp();
  const [one] = await start("one");
  const first = await one!.claim(7);
  const second = await one!.claim(7, true);
  assertEquals([one!.ended, first.ended, second.ended], [[[7, "takeover"]], true, false]);
});

Deno.test("leases: I13: devices of one user have sessions side by side; a takeover is about its own device", async () => {
  const { start, look } = setUp();
  const [one, two] = await start("one", "two");
  const phone = await one!.claim(7, false, "phone");
  const laptop = await one!.claim(7, false, "laptop");
  const tablet = await two!.claim(7, false, "tablet");
  await assertRejects(() => two!.claim(7, false, "phone"), Refusal, "already logged in");
  const taken = two!.claim(7, true, "phone");
  while (!phone.ended) await look(one!);
  await taken;
  assertEquals([phone.ended, laptop.ended, tablet.ended], [true, false, false]);
  assertEquals([one!.ended, two!.ended], [[[7, "takeover"]], []]);
});

Deno.test("leases: a heartbeat finds out who has sessions on other nodes, and who has them no more", async () => {
  const { start, live, world } = setUp();
  const [one, two] = await start("one", "two");
  await one!.claim(7, false, "phone");
  assert(one!.sessions.mayBeElsewhere(7), "nobody has looked");
  await live(1, one!);
  assert(!one!.sessions.mayBeElsewhere(7));
  const laptop = await two!.claim(7, false, "laptop");
  await live(1, one!, two!);
  assert(one!.sessions.mayBeElsewhere(7));
  assertEquals([one!.told, two!.told], [["elsewhere 7"], []]);
  two!.sessions.remove(laptop);
  await two!.leases.close(laptop, () => Promise.resolve());
  await live(1, one!);
  assert(!one!.sessions.mayBeElsewhere(7));
  // What is heard is newer than what was asked for before.
  world.now += 1000;
  const looking = one!.leases.look();
  world.now += 1;
  one!.sessions.heardElsewhere(7);
  await looking;
  assert(one!.sessions.mayBeElsewhere(7));
});

Deno.test("leases: a device that is ended has no session while its end is under way, and can begin again", async () => {
  const { start, look } = setUp();
  const [one, two] = await start("one", "two");
  await one!.claim(7, false, "phone");
  const ended = two!.leases.endDevice({ user: 7, device: "phone" }, async () => {
    await assertRejects(() => one!.claim(7, false, "phone"), Refusal, "already logged in");
  });
  while (one!.ended.length === 0) await look(one!);
  await ended;
  assertEquals(one!.ended, [[7, "ended"]]);
  await one!.claim(7, false, "phone");
});

Deno.test("leases: a node that does not count for 5 s is buried, its users are free, the others are told", async () => {
  const { start, live } = setUp();
  const [one, two, three] = await start("one", "two", "three");
  await one!.claim(7);
  await live(4, two!, three!);
  await assertRejects(() => two!.claim(7), Refusal, "already logged in");
  await live(2, two!, three!);
  await two!.claim(7);
  await live(1, two!, three!);
  assertEquals(two!.told.toSorted(), ["freed 7", "gone"]);
  assertEquals(three!.told, ["gone"]);
});

Deno.test("leases: a node does not serve half a second before others may bury it", async () => {
  const { start, world, look } = setUp();
  const [one] = await start("one");
  world.now = 4499;
  assert(one!.leases.valid);
  world.now = 4500;
  assert(!one!.leases.valid);
  await look(one!);
  assert(one!.leases.valid, "it has looked");
  assertEquals(one!.told, ["confirmed"]);
});

Deno.test("leases: a frozen node that was buried ends its sessions when it wakes, and counts on", async () => {
  const { start, live, look } = setUp();
  const [one, two] = await start("one", "two");
  const session = await one!.claim(7);
  await live(6, two!);
  assert(!one!.leases.valid);
  await look(one!);
  assertEquals([one!.ended, session.ended], [[[7, "unsure"]], true]);
  assert(one!.leases.valid);
  await one!.claim(8);
  await live(8, one!, two!);
  assertEquals([one!.ended.length, two!.ended], [1, []], "and nobody takes it for an older store");
  assert(!two!.told.some((what) => what.startsWith("log")));
});

Deno.test("leases: a login during which the node was frozen is refused, and its lease given back", async () => {
  const { start, store, world, look } = setUp();
  const [one, two] = await start("one", "two");
  const barrier = Promise.withResolvers<void>();
  store.barrier = barrier.promise;
  const claim = one!.claim(7);
  world.now += 10_000;
  store.barrier = Promise.resolve();
  barrier.resolve();
  await assertRejects(() => claim, Refusal, "not certain");
  assertEquals(await store.online([7]), new Set());
  await look(one!, two!);
  await two!.claim(7);
});

Deno.test("leases: after an outage of the store nobody is buried until everybody had time to count", async () => {
  const { start, live, world, store } = setUp();
  const [one, two] = await start("one", "two");
  await one!.claim(7);
  store.away = true;
  await live(60, one!, two!);
  store.away = false;
  await live(1, two!);
  await live(5, one!, two!);
  assertEquals([one!.ended, two!.ended], [[], []]);
  assertEquals([...await store.online([7])], [7]);
  assertEquals(world.log, "log 1");
});

Deno.test("leases: a watcher that was frozen itself judges nobody at once", async () => {
  const { start, live, world, look, store } = setUp();
  const [one, two] = await start("one", "two");
  await one!.claim(7);
  world.now += 60_000;
  await look(two!);
  await live(4, two!);
  await look(one!);
  assertEquals(one!.ended, []);
  assertEquals([...await store.online([7])], [7]);
});

Deno.test("leases: what a burier that died has left is swept by the next one", async () => {
  const { start, live, store } = setUp();
  const [one, two, three] = await start("one", "two", "three");
  await one!.claim(7);
  // As node two does when it dies between its two steps.
  await store.bury((await store.beat("three")).nodes.find(({ id }) => id === "one") as NodeBeat);
  await live(1, three!);
  assertEquals(three!.told, ["gone", "freed 7"]);
  assertEquals(two!.ended, []);
});

Deno.test("leases: a lease that could not be given back is given back later; one that is being closed is not", async () => {
  const { start, store, look } = setUp();
  const [one] = await start("one");
  const [seven, eight] = [await one!.claim(7), await one!.claim(8)];
  store.locked.add(7);
  one!.sessions.remove(seven);
  await one!.leases.close(seven, () => Promise.resolve());
  const stored = Promise.withResolvers<void>();
  one!.sessions.remove(eight);
  const closed = one!.leases.close(eight, () => stored.promise);
  store.locked.clear();
  await look(one!);
  assertEquals([...await store.online([7, 8])], [8], "its cursors are not stored yet");
  stored.resolve();
  await closed;
  assertEquals([...await store.online([7, 8])], []);
});

Deno.test("leases: a row that somebody has locked makes the node neither unsure nor deaf to others", async () => {
  const { start, store, live } = setUp();
  const [one, two] = await start("one", "two");
  const session = await one!.claim(7);
  store.locked.add(7);
  one!.sessions.remove(session);
  await one!.leases.close(session, () => Promise.resolve());
  await live(10, one!, two!);
  assert(one!.leases.valid);
  await one!.claim(8);
  assertEquals([...one!.told, ...two!.told], []);
});

Deno.test("leases: I12: a counter that went back gives the log one new name, and ends all sessions on all nodes", async () => {
  const { start, store, live, world } = setUp();
  const [one, two] = await start("one", "two");
  await live(5, one!, two!);
  await one!.claim(7);
  await two!.claim(8);
  // A copy of a second before, without the leases.
  for (const { id, beat } of (await store.beat("one")).nodes) {
    await store.bury({ id, beat });
    await store.enter({ id, beat: beat - 3 });
  }
  await store.sweep();
  await live(1, one!, two!);
  assertEquals([one!.ended, two!.ended], [[[7, "unsure"]], [[8, "unsure"]]]);
  assertEquals([one!.told, two!.told], [["log 1 is log 2"], ["log 1 is log 2"]]);
  await one!.claim(7);
  await live(10, one!, two!);
  assertEquals([world.log, one!.leases.log, two!.leases.log], ["log 2", "log 2", "log 2"]);
  assertEquals(one!.ended.length, 1);
});

Deno.test("leases: a lease of a node that nobody knows is swept when somebody asks for it", async () => {
  const { start, store, look, live } = setUp();
  const [one] = await start("one");
  await live(1, one!);
  // A login that went on while its node left, or a copy of the store in which only the node's end had arrived.
  await store.take({ user: 7, device: "", node: "gone", session: "left over" });
  await live(10, one!);
  await one!.claim(7).then(() => assert(false, "taken"), (refusal) => assertEquals(refusal.errno, 2));
  await look(one!);
  await one!.claim(7);
});

Deno.test("leases: I12: a store in which the log has an earlier name again is older, too", async () => {
  const { start, look, world } = setUp();
  const [one, two] = await start("one", "two");
  world.renames = 7;
  // Somebody else gave it a new name; then a copy took over that does not know of that.
  world.log = "log 5";
  await look(one!, two!);
  world.log = "log 1";
  await look(one!, two!);
  assertEquals([world.log, one!.leases.log, two!.leases.log], ["log 9", "log 9", "log 9"]);
});

Deno.test("leases: I12: a store that knows no node at all is older than this one", async () => {
  const { start, store, look, world } = setUp();
  const [one] = await start("one");
  await one!.claim(7);
  await store.leave("one");
  await look(one!);
  assertEquals([world.log, one!.ended], ["log 2", [[7, "unsure"]]]);
  assertEquals(one!.told, ["log 1 is log 2", "confirmed", "gone"]);
});

Deno.test("leases: who doubts the store is not served until the node has looked, and the new name counts", async () => {
  const { start, store, world } = setUp();
  const [one] = await start("one");
  await one!.claim(7);
  const barrier = Promise.withResolvers<void>();
  store.barrier = barrier.promise;
  const before = one!.leases.look();
  world.log = "other";
  one!.leases.doubt();
  assert(!one!.leases.valid);
  barrier.resolve();
  await before;
  assert(!one!.leases.valid, "that look had begun before");
  await one!.leases.look();
  assert(one!.leases.valid);
  assertEquals([one!.leases.log, one!.ended], ["other", [[7, "unsure"]]]);
});

Deno.test("leases: after a heartbeat that failed nobody logs in until one has not", async () => {
  const { start, store, look } = setUp();
  const [one] = await start("one");
  await one!.claim(7);
  store.away = true;
  await look(one!);
  store.away = false;
  assert(one!.leases.valid, "sessions that are here go on");
  await assertRejects(() => one!.claim(8), Refusal, "not certain");
  await look(one!);
  await one!.claim(8);
});
