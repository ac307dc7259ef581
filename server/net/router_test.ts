import { assertEquals } from "@std/assert";
import type { Reply } from "../protocol/messages.ts";
import { InFlight } from "./in_flight.ts";
import { TokenBucket } from "./limits.ts";
import { type RoutedClient, Router } from "./router.ts";
import type { Services } from "./routes.ts";

/** A client of a router whose services do what the test says. */
function bench(
  options: { loggedIn?: boolean; rate?: number; services?: Record<string, unknown>; generation?: 1 | 2 } = {},
) {
  const { loggedIn = true, rate = 1000, services = {}, generation = 2 } = options;
  const seen = { replies: [] as Reply[], defects: [] as unknown[], mayServe: true };
  const router = new Router(services as unknown as Services, {
    mayServe: () => seen.mayServe,
    isUnavailable: (error) => error instanceof Error && error.message === "away",
    journal: { refused: () => {} },
    onDefect: (error) => seen.defects.push(error),
  });
  const peer = { generation, reply: (reply: Reply) => seen.replies.push(reply) };
  const client = {
    peer,
    session: loggedIn ? { user: { id: 1, name: "ann" }, peer } : undefined,
    origin: { hostname: "127.0.0.1", port: 1 },
    inFlight: new InFlight(),
    rate: new TokenBucket(rate, () => 0),
    faults: 0,
  } as unknown as RoutedClient;
  const ask = async (frame: unknown) => {
    await router.dispatch(client, typeof frame === "string" ? frame : JSON.stringify(frame));
    await client.inFlight.idle();
    return seen.replies.splice(0).map((reply) =>
      "errno" in reply ? [reply.msgid, reply.errno] : [reply.msgid]
    );
  };
  return { router, client, seen, ask };
}

const CHAT = { msgid: 6, toid: 2, msg: "x", mid: "m" };

Deno.test("router: what is wrong with a frame is one ERROR with its errno", async () => {
  const { ask, client } = bench();
  assertEquals(await ask("{,}"), [[16, 100]]);
  assertEquals(await ask({}), [[16, 100]]);
  assertEquals(await ask({ msgid: 999 }), [[16, 101]]);
  assertEquals(await ask({ msgid: 6, toid: "2", msg: "x" }), [[16, 100]]);
  assertEquals(client.faults, 4);
});

Deno.test("router: a v1 client waits for the answer's own msgid, whatever is wrong with LOGIN or REGISTER", async () => {
  const wrong = [{ msgid: 1, id: "x" }, { msgid: 1, id: 1, password: "x".repeat(300) }, {
    msgid: 4,
    name: " a",
    password: "",
  }];
  const [v1, v2] = [1, 2].map((generation) =>
    bench({ loggedIn: false, generation: generation as 1 | 2, rate: 6 })
  );
  for (const frame of wrong) {
    const errno = frame.password?.length === 300 ? 107 : 100;
    assertEquals(await v1!.ask(frame), [[frame.msgid + 1, errno]]);
    assertEquals(await v1!.ask({ ...frame, v: 2 }), [[16, errno]], "says that it is no v1 client");
    assertEquals(await v2!.ask(frame), [[16, errno]]);
  }
  assertEquals(await v1!.ask(wrong[0]), [[2, 106]]);
  assertEquals(await v1!.ask(CHAT), [[16, 102]]);
});

Deno.test("router: preconditions come before the handler", async () => {
  assertEquals(await bench({ loggedIn: false }).ask(CHAT), [[16, 102]]);
  const { router, seen, ask } = bench();
  seen.mayServe = false;
  assertEquals(await ask(CHAT), [[16, 108]]);
  assertEquals(await ask({ msgid: 15 }), [], "that a client lives is true whoever serves it");
  seen.mayServe = true;
  router.stopping = true;
  assertEquals(await ask(CHAT), [[16, 110]]);
});

Deno.test("router: who is too fast is told how long to wait", async () => {
  const { ask, seen } = bench({ rate: 1, services: { now: () => 7 } });
  assertEquals(await ask({ msgid: 14 }), [[15]]);
  assertEquals(await ask({ msgid: 14 }), [[16, 106]]);
  assertEquals(seen.defects, []);
});

Deno.test("router: errors of the store are 108 with the mid; defects are reported as well", async () => {
  const failing = (message: string) => ({ chat: { toUser: () => Promise.reject(new Error(message)) } });
  const away = bench({ services: failing("away") });
  await away.router.dispatch(away.client, JSON.stringify(CHAT));
  await away.client.inFlight.idle();
  const [reply] = away.seen.replies;
  assertEquals(reply, {
    msgid: 16,
    errno: 108,
    errmsg: "the server cannot use its database just now, try again",
    ref: 6,
    mid: "m",
    retry_ms: 1000,
  });
  assertEquals(away.seen.defects.length, 0);
  const broken = bench({ services: failing("a bug") });
  assertEquals(await broken.ask(CHAT), [[16, 108]]);
  assertEquals(broken.seen.defects.length, 1);
});

Deno.test("router: what is answered alone waits for what came before", async () => {
  const order: string[] = [];
  const gate = Promise.withResolvers<void>();
  const services = {
    chat: { toUser: () => gate.promise.then(() => void order.push("chat")) },
    history: { page: () => Promise.resolve(void order.push("history")) },
  };
  const { router, client } = bench({ services });
  assertEquals(router.dispatch(client, JSON.stringify(CHAT)), undefined);
  const alone = router.dispatch(client, JSON.stringify({ msgid: 20, conv: "u1-2" }));
  gate.resolve();
  await alone;
  assertEquals(order, ["chat", "history"]);
});
