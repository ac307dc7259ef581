import { assert, assertEquals, assertRejects } from "@std/assert";
import { Refusal } from "../errors.ts";
import type { Frame } from "../protocol/schemas.ts";
import type { LoginAck } from "../protocol/messages.ts";
import type { Msg } from "../protocol/msgid.ts";
import { type Store, StoreUnavailable } from "../stores/store.ts";
import type { Auth } from "./auth.ts";
import { Cursors } from "./cursors.ts";
import { Gate } from "./gate.ts";
import type { Leases } from "./leases.ts";
import { Login } from "./login.ts";
import type { Peer } from "./peer.ts";
import type { Presence } from "./presence.ts";
import { type Session, Sessions } from "./sessions.ts";
import { system } from "../system.ts";

/** Everything that a login does, step by step; a step can be made to fail, or to do something first. */
function setUp() {
  const steps: string[] = [];
  const defects: unknown[] = [];
  const before = new Map<string, () => void>();
  /** Groups beside 7, and whether they are too many for the login to read all conversations. */
  const large: { groups: number[] } = { groups: [] };
  const progressIn = (conv: string) => ({ conv, seq: 0, delivered: 0, read: 0 });
  const acks: LoginAck[] = [];
  const step = <T>(name: string, value: T): Promise<T> => {
    steps.push(name);
    try {
      before.get(name)?.();
      return Promise.resolve(value);
    } catch (error) {
      return Promise.reject(error);
    }
  };
  const store = {
    social: {
      friends: () => step("friends", [{ id: 2, name: "bob", seen: 0 }, { id: 3, name: "cid", seen: 0 }]),
      members: () => step("members", []),
      requests: () => step("requests", []),
      groups: (_: number, limit?: number) =>
        step(
          "groups",
          [...large.groups, 7].slice(0, limit)
            .map((id) => ({ id, name: "g", description: "", role: "normal", size: 2 })),
        ),
    },
    leases: { online: () => step("online", new Set([2])) },
    log: {
      conversations: () => step("conversations", [{ conv: "u1-2", seq: 1, delivered: 0, read: 0 }]),
      hasMoreThan: () => step("count", large.groups.length > 0),
      conversationsOf: (_: object, convs: readonly string[]) => step("shown", convs.map(progressIn)),
      conversationPage: (_: object, { after, limit }: { after: string; limit: number }) => {
        const convs = [...large.groups, 7].map((id) => `g${id}`).sort().filter((conv) => conv > after);
        return step("page", convs.slice(0, limit).map(progressIn));
      },
      behind: () => step("behind", []),
      moveCursors: () => step("cursors", []),
      read: () => step("read", []),
    },
  } as unknown as Store;
  const bus = {
    working: true,
    subscribe: (channels: readonly string[]) => step(`subscribe ${channels}`, undefined),
    unsubscribe: (channels: readonly string[]) => steps.push(`unsubscribe ${channels}`),
  };
  const sessions = new Sessions(bus as unknown as ConstructorParameters<typeof Sessions>[0], system);
  const cursors = new Cursors(store.log, {
    interval: 100_000,
    after: system.after,
    onError: (error) => defects.push(error),
  });
  const login = new Login({
    auth: {
      authenticate: () => step("authenticate", { id: 1, name: "ann", token: "t" }),
      endTokens: () => step("tokens", undefined),
    } as unknown as Auth,
    store,
    sessions,
    cursors,
    leases: {
      valid: true,
      claim: async (_: object, open: (id: string) => unknown) => {
        await step("lease", undefined);
        return open("s1");
      },
      close: async (session: Session, work: () => Promise<void>) => {
        await work();
        await step(`release ${session.id}`, undefined);
      },
    } as unknown as Leases,
    presence: {
      came: (_: object, friends: Iterable<number>) => steps.push(`came, tells ${[...friends]}`),
      left: () => steps.push("left"),
    } as unknown as Presence,
    devices: {
      enter: ({ device }, client) => step(`enter ${device} ${client}`, undefined),
      leave: ({ device }) => step(`leave ${device}`, undefined),
    },
    delivery: { came: (user) => void steps.push(`announce ${user}`) },
    gate: new Gate({ atOnce: 10, turn: system.turn }),
    lastSeen: { note: () => {} },
    system,
    v1: { ackLimit: 1000, longest: 0 },
    onDefect: (error) => defects.push(error),
  });
  const peer = {
    generation: 1,
    writable: true,
    reply: (reply: LoginAck) => {
      acks.push(reply);
      steps.push(`reply ${reply.msgid}`);
    },
    drained: () => Promise.resolve(true),
    end: () => step("goodbye", undefined),
  } as unknown as Peer;
  const logIn = (about: Partial<Frame<typeof Msg.LOGIN>> = {}) =>
    login.logIn({ msgid: 1, v: 2, id: 1, token: "t", ...about } as Frame<typeof Msg.LOGIN>, peer);
  return { steps, before, large, acks, sessions, cursors, login, logIn, defects };
}

const failing = () => {
  throw new StoreUnavailable("away");
};

Deno.test("login: lease, subscription, what the store knows, answer, pushes, in this order", async () => {
  const { steps, logIn, sessions, login, defects } = setUp();
  const session = await logIn();
  await new Promise((resolve) => setTimeout(resolve));
  const order = (...names: string[]) => {
    const at = names.map((name) => steps.indexOf(name));
    assert(at.every((index, i) => index >= 0 && index > (at[i - 1] ?? -1)), `${names} in ${steps}`);
  };
  order("authenticate", "lease", "subscribe user:1", "announce 1", "friends", "reply 2", "read");
  order("groups", "subscribe group:7", "conversations", "reply 2", "came, tells 2");
  assertEquals([sessions.of(1)[0], [...session.groups], defects], [session, [7], []]);
  await login.logOut(session);
});

for (
  const name of [
    "subscribe user:1",
    "friends",
    "count",
    "groups",
    "subscribe group:7",
    "online",
    "conversations",
  ]
) {
  Deno.test(`login: "${name}" that fails gives everything back`, async () => {
    const { steps, before, logIn, sessions } = setUp();
    before.set(name, failing);
    await assertRejects(() => logIn(), StoreUnavailable);
    assertEquals([sessions.size, [...sessions.inGroup(7)]], [0, []]);
    assertEquals(steps.filter((step) => step.startsWith("release")), ["release s1"]);
    assert(steps.some((step) => step.startsWith("unsubscribe user:1")));
    assert(!steps.includes("reply 2"));
  });
}

Deno.test("login: a session that has lost its lease is told so when another one of its user begins", async () => {
  const { steps, logIn, sessions, login } = setUp();
  const first = await logIn();
  const second = await logIn();
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals([first.ended, second.ended, sessions.of(1)[0] === second], [true, false, true]);
  assertEquals(steps.filter((step) => step === "goodbye").length, 1);
  await login.logOut(second);
});

Deno.test("login: of very many groups it shows and reads 500, and takes part in the others soon after", async () => {
  const { steps, large, acks, logIn, login, sessions, defects } = setUp();
  large.groups = Array.from({ length: 3000 }, (_, i) => 1000 + i);
  const session = await logIn();
  const [ack] = acks;
  assertEquals([ack?.groups.length, ack?.conversations.length, ack?.more], [500, 502, true]);
  assertEquals(session.inbox.knows("g3999"), false);
  await session.entering;
  assert(steps.indexOf("page") > steps.indexOf("reply 2"), "not before the answer");
  assertEquals([session.groups.size, session.entering, session.inbox.knows("u1-9")], [3001, undefined, true]);
  assert([...sessions.inGroup(3999)].includes(session));
  await login.logOut(session);
  while ([...sessions.inGroup(3999)].length > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(defects, []);
});

Deno.test("login: without a lease nothing is opened", async () => {
  const { steps, before, logIn, sessions } = setUp();
  before.set("lease", failing);
  await assertRejects(() => logIn(), StoreUnavailable);
  assertEquals([steps, sessions.size], [["authenticate", "lease"], 0]);
});

Deno.test("login: a session that ends while its answer is put together is not answered", async () => {
  const { steps, before, logIn, sessions, login } = setUp();
  before.set("conversations", () => void login.end(sessions.of(1)[0]!, "takeover"));
  await assertRejects(() => logIn(), Refusal, "took this account over");
  assertEquals(steps.includes("reply 2"), false);
  assertEquals(sessions.size, 0);
});

Deno.test("logout: cursors are stored before the lease is given back, and then friends are told", async () => {
  const { steps, logIn, login, cursors, sessions } = setUp();
  const session = await logIn();
  cursors.mark({ user: 1, device: "", conv: "u1-2", delivered: 1 });
  steps.length = 0;
  await login.logOut(session);
  assertEquals(steps.filter((step) => !step.startsWith("unsub")), ["cursors", "release s1", "left"]);
  assertEquals(sessions.size, 0);
});

Deno.test("login: a device with a name is noted before its cursors are read, and when its session ends", async () => {
  const { steps, logIn, login } = setUp();
  const session = await logIn({ device: "phone", client: "app 1" });
  assert(steps.indexOf("enter phone app 1") < steps.indexOf("conversations"));
  steps.length = 0;
  await login.logOut(session, { isFinal: true });
  assertEquals(steps.filter((step) => !step.startsWith("unsub")), [
    "tokens",
    "leave phone",
    "release s1",
    "left",
  ]);
});

Deno.test("login: a v1 program has the nameless device, whatever it says", async () => {
  const { steps, logIn, login } = setUp();
  const session = await logIn({ v: 1, device: "phone" });
  assertEquals([session.device, steps.some((step) => step.startsWith("enter"))], ["", false]);
  steps.length = 0;
  await login.logOut(session, { isFinal: true });
  assert(!steps.includes("tokens"));
});
