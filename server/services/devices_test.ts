import { assertEquals, assertRejects } from "@std/assert";
import { Errno, Refusal } from "../errors.ts";
import type { Reply } from "../protocol/messages.ts";
import { openSqlite } from "../stores/sqlite/open.ts";
import { Devices } from "./devices.ts";
import type { Session } from "./sessions.ts";

const DAY = 24 * 60 * 60 * 1000;

async function setUp() {
  const store = await openSqlite({ path: ":memory:", durability: "full" });
  const user = await store.accounts.create("ann", "x");
  if (user === undefined) throw new TypeError("not registered");
  const world = { now: 1000 * DAY };
  const ended: string[] = [];
  const leases = {
    async endDevice({ device }: { device: string }, work: () => Promise<void>) {
      if (device === "stuck") throw new Refusal(Errno.LOGGED_IN, "logged in");
      ended.push(device);
      await work();
    },
  };
  const devices = new Devices({ store, leases, system: { now: () => world.now } });
  const replies: Reply[] = [];
  const session = (device: string) =>
    ({
      user: { id: user, name: "ann" },
      device,
      peer: { reply: (reply: Reply) => replies.push(reply) },
    }) as unknown as Session;
  const enter = (device: string, client = "") => devices.enter({ user, device }, client);
  const names = async () => (await store.devices.list(user)).map(({ device }) => device);
  return { store, user, world, ended, devices, session, enter, names, replies };
}

Deno.test("devices: what was not used for 90 days is forgotten when another one logs in, unless it is still there", async () => {
  const { store, user, world, enter, names } = await setUp();
  for (const name of ["old", "here", "used"]) await enter(name);
  await store.leases.take({ user, device: "here", node: "n", session: "s" });
  world.now += 60 * DAY;
  await enter("used");
  world.now += 31 * DAY;
  await enter("new");
  assertEquals(await names(), ["here", "new", "used"]);
  await store.close();
});

Deno.test("devices: one that comes back after 90 days is a new one, and begins at what was read", async () => {
  const { store, user, world, enter } = await setUp();
  const conv = `u${user}-${user}`;
  const note = {
    conv,
    kind: "chat",
    sender: user,
    senderName: "ann",
    to: user,
    mid: null,
    body: '"x"',
  } as const;
  await store.log.append(note);
  await enter("phone");
  await store.log.append(note);
  await store.log.moveCursors([{ user, device: "", conv, read: 2 }]);
  const delivered = async () => (await store.log.conversations(user, "phone")).map((one) => one.delivered);
  assertEquals(await delivered(), [0]);
  world.now += 91 * DAY;
  await enter("phone");
  assertEquals(await delivered(), [2]);
  await store.close();
});

Deno.test("devices: a user may have 20; the next one is refused with errno 113, unless one of them is unused", async () => {
  const { store, world, enter, names } = await setUp();
  for (let n = 1; n <= 20; n++) {
    await enter(`d${n}`);
    if (n === 1) world.now += 50 * DAY;
  }
  const { errno } = await assertRejects(() => enter("another"), Refusal, "20 devices");
  assertEquals(errno, Errno.FULL);
  await enter("d7");
  world.now += 50 * DAY;
  await enter("another");
  assertEquals([(await names()).length, (await names()).includes("d1")], [20, false]);
  await store.close();
});

Deno.test("devices: are listed with what they are and whether they are online; one of them can be ended", async () => {
  const { store, user, world, ended, devices, session, enter, replies } = await setUp();
  for (const name of ["laptop", "phone"]) await enter(name, `app on ${name}`);
  for (const device of ["", "phone"]) await store.leases.take({ user, device, node: "n", session: device });
  const seen = world.now;
  await devices.handle(session("phone"), { do: "list", rid: "r1" });
  const phone = { device: "phone", client: "app on phone", seen, online: true };
  const laptop = { device: "laptop", client: "app on laptop", seen, online: false };
  assertEquals(replies.splice(0) as object[], [{
    ...{ msgid: 24, ref: 30, rid: "r1" },
    devices: [{ device: "", client: "", seen, online: true }, laptop, phone],
  }]);
  await store.leases.release({ user, device: "", session: "" });
  await devices.handle(session("phone"), { do: "end", device: "laptop" });
  assertEquals([ended, replies as object[]], [["laptop"], [{ msgid: 24, ref: 30, devices: [phone] }]]);
  const refused = [[{}, Errno.BAD_FRAME], [{ device: "phone" }, Errno.NOT_ALLOWED], [
    { device: "stuck" },
    Errno.NOT_STORED,
  ]] as const;
  for (const [which, errno] of refused) {
    const ending = () => devices.handle(session("phone"), { do: "end", ...which });
    assertEquals((await assertRejects(ending, Refusal)).errno, errno);
  }
  await store.close();
});
