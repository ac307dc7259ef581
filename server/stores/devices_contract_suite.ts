import { assert, assertEquals } from "@std/assert";
import { idOf, lease, plain, stored, type StoreFactory, talkers, userOf } from "./contract_suite.ts";
import { type Lease, MAX_DEVICES, MAX_TOKENS, type Store } from "./store.ts";

/** What {@linkcode Store} promises about devices, as tests of one adapter. */
export function devicesContract(
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

  test("devices: a new one begins at what its user has read; each has cursors of its own", async (store) => {
    const chat = await talkers(store);
    const user = await idOf(store, "b");
    let conv = "";
    for (let i = 1; i <= 5; i++) conv = stored(await chat("a", "b", null)).conv;
    await store.log.moveCursors([{ user, device: "", conv, delivered: 4, read: 3 }]);
    assertEquals(await store.log.conversations(user, "phone"), [], "not known");
    await store.log.moveCursors([{ user, device: "phone", conv, delivered: 5 }]);
    const phone = { user, device: "phone", client: "app", seen: 7 };
    assertEquals(await store.devices.enter(phone), { isFull: false, before: [] });
    const progress = async (device: string) => (await store.log.conversations(user, device)).map(plain);
    assertEquals(await progress("phone"), [{ conv, seq: 5, delivered: 3, read: 3 }]);
    const laptop = { user, device: "laptop", client: "", seen: 8 };
    const entered = await store.devices.enter(laptop);
    assertEquals(entered.before.map(plain), [{ device: "phone", client: "app", seen: 7 }]);
    await store.log.moveCursors([
      { user, device: "phone", conv, delivered: 5, read: 4 },
      { user, device: "laptop", conv, delivered: 9, read: 2 },
      { user, device: "", conv, delivered: 5 },
      { user, device: "tablet", conv, delivered: 5, read: 5 },
      { user, device: "phone", conv: "u1-999", delivered: 1 },
    ]);
    await store.log.moveCursors([{ user, device: "phone", conv, delivered: 4 }]);
    // What was read is the user's, whoever says so; what was delivered to a device that is not known is nobody's.
    for (const device of ["phone", "laptop", ""]) {
      assertEquals(await progress(device), [{ conv, seq: 5, delivered: 5, read: 5 }]);
    }
    await chat("a", "b", null);
    await store.log.moveCursors([{ user, device: "phone", conv, delivered: 6 }]);
    const all = ["", "phone", "laptop", "tablet"].map((device) => ({ user, device }));
    const behind = async () =>
      (await store.log.behind(all)).map(({ device, seq, delivered }) => [device, seq, delivered]);
    assertEquals((await behind()).sort(), [["", 6, 5], ["laptop", 6, 5]]);
    // A conversation that began after the device.
    const { conv: notes } = stored(await chat("b", "b", null));
    assertEquals((await progress("phone")).find((one) => one?.conv === notes)?.delivered, 0);
    await store.devices.forget(laptop);
    await store.devices.forget(laptop);
    assertEquals((await store.devices.list(user)).map(({ device }) => device), ["phone"]);
    assertEquals(await progress("laptop"), []);
    await store.devices.enter(laptop);
    assertEquals((await progress("laptop")).find((one) => one?.conv === conv)?.delivered, 5, "begins again");
  });

  test("devices: are noted when they come and go, and there are so many of them at most", async (store) => {
    const user = await userOf(store, "ann");
    const name = (n: number) => `device-${String(n).padStart(2, "0")}`;
    const device = (n: number, seen = n) => ({ user, device: name(n), client: `app ${seen}`, seen });
    for (let n = 1; n < MAX_DEVICES; n++) await store.devices.enter(device(n));
    const atOnce = await Promise.all(
      [101, 102, 103].map((n) => store.devices.enter(device(n))),
    );
    assert(atOnce.filter(({ isFull }) => !isFull).length <= 1);
    const last = await store.devices.enter(device(MAX_DEVICES));
    assert(last.isFull || atOnce.every(({ isFull }) => isFull));
    assertEquals((await store.devices.list(user)).length, MAX_DEVICES);
    assertEquals((await store.devices.enter(device(200))).isFull, true);
    assertEquals((await store.devices.enter(device(1, 50))).isFull, false, "known");
    await store.devices.leave({ user, device: name(1), seen: 60 });
    await store.devices.leave({ user, device: name(1), seen: 55 });
    await store.devices.leave({ user, device: name(99), seen: 60 });
    const [first, second] = await store.devices.list(user);
    assertEquals(plain(first), { device: name(1), client: "app 50", seen: 60 });
    assertEquals(plain(second), { device: name(2), client: "app 2", seen: 2 });
    await store.devices.forget({ user, device: name(2) });
    assertEquals((await store.devices.enter(device(200))).isFull, false);
    assertEquals(await store.devices.list(user + 1), []);
  });

  test("devices: a token is its device's, and ends with it", async (store) => {
    const user = await userOf(store, "ann");
    const token = (n: number) => n.toString(16).padStart(64, "0");
    const owners = ["", "phone", "laptop"].map((device) => ({ user, device }));
    for (const [i, owner] of owners.entries()) {
      await store.accounts.addToken({ ...owner, hash: token(i), expires: 1000 }, 10);
    }
    for (let n = 10; n < 10 + MAX_TOKENS; n++) {
      await store.accounts.addToken({ user, device: "phone", hash: token(n), expires: 2000 }, 10);
    }
    const found = async () => {
      const all = await Promise.all([0, 1, 2, 10].map((n) => store.accounts.findToken(token(n), 20)));
      return all.map((owner) => owner?.device);
    };
    assertEquals(await found(), ["", undefined, "laptop", "phone"], "each device keeps its newest ones");
    await store.accounts.removeTokens({ user, device: "phone" });
    assertEquals(await found(), ["", undefined, "laptop", undefined]);
    await store.devices.forget({ user, device: "laptop" });
    assertEquals(await found(), ["", undefined, undefined, undefined]);
  });

  test("I13: devices of a user have leases side by side; the user is online while one of them is", async (store) => {
    const { leases } = store;
    for (const n of [1, 2]) await leases.enter({ id: `node ${n}`, beat: 1 });
    const [none, phone, laptop] = ["", "phone", "laptop"].map((device, i) =>
      lease(7, i === 1 ? 2 : 1, device, device)
    ) as [Lease, Lease, Lease];
    for (const taken of [none, phone, laptop]) assertEquals(await leases.take(taken), undefined);
    assertEquals(plain(await leases.take(lease(7, 1, "other", "phone"))), phone);
    const sorted = (found: readonly Lease[]) =>
      found.map(plain).sort((a, b) => a!.device < b!.device ? -1 : 1);
    assertEquals(sorted(await leases.of(7)), sorted([none, phone, laptop]));
    assertEquals(await leases.of(8), []);
    await leases.want({ user: 7, device: "phone" }, "ended");
    assertEquals((await leases.held("node 2")).map(({ wanted, elsewhere }) => [wanted, elsewhere]), [[
      "ended",
      true,
    ]]);
    assertEquals((await leases.held("node 1")).map(({ wanted, elsewhere }) => [wanted, elsewhere]), [
      [undefined, true],
      [undefined, true],
    ]);
    await leases.release(phone);
    assertEquals((await leases.held("node 1")).map(({ elsewhere }) => elsewhere), [false, false]);
    await leases.release(none);
    assertEquals([...await leases.online([7])], [7]);
    await leases.release(laptop);
    assertEquals(await leases.online([7]), new Set());
    await Promise.all([none, phone, laptop].map((taken) => leases.take(taken)));
    await leases.leave("node 1");
    assertEquals((await leases.of(7)).map(({ device }) => device), ["phone"]);
    await leases.bury({ id: "node 2", beat: 1 });
    assertEquals(await leases.sweep(), { freed: [7], left: 0 });
  });
}
