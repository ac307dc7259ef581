import { assert, assertEquals } from "@std/assert";
import { startNginx } from "../services.ts";
import { Cluster, needsServices } from "./cluster.ts";
import { type Connectable, join, register } from "./harness.ts";
import { Wire, type Wired } from "./wire.ts";
import { onEveryPair } from "./worlds.ts";

const oneTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

/** Asks to be logged in, on a connection of its own; whatever the answer is. */
async function ask(server: Connectable, login: object) {
  const wire = await server.connect();
  const ack = await wire.ask({ msgid: 1, v: 2, ...login }, 2);
  return { wire, ack, [Symbol.asyncDispose]: () => wire[Symbol.asyncDispose]() };
}

/** Logs a device in. */
async function enter(
  server: Connectable,
  { id, name, device }: { id: number; name: string; device: string },
) {
  const asked = await ask(server, { id, password: `pw ${name}`, device, client: `test ${device}` });
  assertEquals(asked.ack.errno, 0, JSON.stringify(asked.ack));
  return asked;
}

/** The numbers of what is pushed of a conversation, up to one of them. */
async function pushed(wire: Wire, { conv, to }: { conv: string; to: number }): Promise<number[]> {
  const seqs: number[] = [];
  do {
    const { seq } = await wire.find(
      (frame) => [6, 7, 8, 11].includes(frame.msgid) && frame.conv === conv,
      `number ${to} of ${conv}`,
    );
    seqs.push(seq);
  } while (seqs.at(-1)! < to);
  return seqs;
}

onEveryPair(
  "I13: another device is let in, the same one is not, and a takeover is about its own device",
  async (world) => {
    const [one, two] = await world.start();
    const who = { id: await register(one, "ann"), name: "ann" };
    const login = { id: who.id, password: "pw ann" };
    await using phone = await enter(one, { ...who, device: "phone" });
    await using laptop = await enter(two, { ...who, device: "laptop" });
    await using tablet = await enter(one, { ...who, device: "tablet" });
    await using again = await ask(two, { ...login, device: "phone" });
    assertEquals(again.ack.errno, 2);
    const takeover = { msgid: 1, v: 2, ...login, device: "phone", takeover: true };
    assertEquals((await again.wire.ask(takeover, 2)).errno, 0);
    assertEquals((await phone.wire.next(22)).reason, "takeover");
    await phone.wire.gone();
    for (const { wire } of [laptop, tablet, again]) await wire.settle();
    // The nameless one is a device like the others.
    await using nameless = await ask(one, login);
    assertEquals(nameless.ack.errno, 0);
    await using second = await ask(two, login);
    assertEquals(second.ack.errno, 2);
    await nameless.wire.settle();
  },
);

onEveryPair(
  "I13: what is written and read on one device is on the others, in order, offline or not",
  async (world) => {
    const [one, two] = await world.start();
    await using bob = await join(two, "bob");
    const who = { id: await register(one, "ann"), name: "ann" };
    const conv = `u${bob.id}-${who.id}`;
    {
      // Known, and away from now on.
      await using tablet = await enter(one, { ...who, device: "tablet" });
      await tablet.wire.ask({ msgid: 3 }, 17);
    }
    await using phone = await enter(one, { ...who, device: "phone" });
    await using laptop = await enter(two, { ...who, device: "laptop" });
    await using nameless = await ask(two, { id: who.id, password: "pw ann" });
    for (const n of oneTo(100)) {
      await phone.wire.send({ msgid: 6, toid: bob.id, msg: "x", mid: `phone-${n}` });
      await laptop.wire.send({ msgid: 6, toid: bob.id, msg: "x", mid: `laptop-${n}` });
      await bob.wire.send({ msgid: 6, toid: who.id, msg: "x", mid: `bob-${n}` });
    }
    const written = async (wire: Wire) => {
      const seqs = new Set<number>();
      for (const _ of oneTo(100)) seqs.add((await wire.next(12)).seq);
      return seqs;
    };
    const [ofPhone, ofLaptop] = [await written(phone.wire), await written(laptop.wire)];
    for (const [wire, own] of [[phone.wire, ofPhone], [laptop.wire, ofLaptop]] as const) {
      const others = oneTo(300).filter((seq) => !own.has(seq));
      assertEquals(await pushed(wire, { conv, to: others.at(-1)! }), others, "all but what it wrote itself");
    }
    const foreign = oneTo(300).filter((seq) => !ofPhone.has(seq) && !ofLaptop.has(seq));
    const old = await pushed(nameless.wire, { conv, to: foreign.at(-1)! });
    assertEquals(old, foreign, "the nameless one is not pushed what its user wrote");
    await using tablet = await enter(two, { ...who, device: "tablet" });
    assertEquals(await pushed(tablet.wire, { conv, to: 300 }), oneTo(300));

    await phone.wire.send({ msgid: 13, conv, seq: 300, kind: "read" });
    const receipt = { msgid: 13, id: who.id, conv, seq: 300, kind: "read" };
    for (const wire of [laptop.wire, tablet.wire, bob.wire]) {
      assertEquals(await wire.find(({ msgid, kind }) => msgid === 13 && kind === "read"), receipt);
    }
    await nameless.wire.settle();
    assertEquals(nameless.wire.frames.filter(({ msgid }) => msgid === 13), []);
    // The receipt is stored within a moment: a device that begins then begins behind it.
    const deadline = Date.now() + 10_000;
    let found: Wired[];
    for (let n = 1;; n++) {
      await using fresh = await enter(one, { ...who, device: `fresh-${n}` });
      found = fresh.ack.conversations;
      await fresh.wire.ask({ msgid: 30, do: "list" }, 24);
      await phone.wire.ask({ msgid: 30, do: "end", device: `fresh-${n}` }, 24);
      if (found[0]!.delivered === 300 || Date.now() > deadline) break;
    }
    assertEquals(found, [{ conv, seq: 300, delivered: 300, read: 300 }]);
    // What the laptop has not confirmed comes to it again.
    await laptop.wire.ask({ msgid: 3 }, 17);
    await using back = await enter(one, { ...who, device: "laptop" });
    const [{ delivered, read }] = back.ack.conversations;
    assertEquals([delivered < 300, read], [true, 300]);
  },
);

onEveryPair(
  "I13: a user is online while one device is; all devices take part in a group that one of them joins",
  async (world) => {
    const [one, two] = await world.start();
    await using bob = await join(two, "bob");
    const who = { id: await register(one, "ann"), name: "ann" };
    await using phone = await enter(one, { ...who, device: "phone" });
    await phone.wire.ask({ msgid: 7, friendid: bob.id, mid: "r" }, 12);
    await bob.wire.ask({ msgid: 8, friendid: who.id, flag: true, mid: "a", details: true }, 12);
    assertEquals((await bob.wire.next(23)).state, "online");
    await using laptop = await enter(two, { ...who, device: "laptop" });
    const { groupid } = await laptop.wire.ask({ msgid: 9, groupname: "g", groupdesc: "" }, 18);
    await bob.wire.ask({ msgid: 10, groupid }, 19);
    await bob.wire.ask({ msgid: 11, groupid, msg: "to all", mid: "g" }, 12);
    for (const { wire } of [phone, laptop]) assertEquals((await wire.next(11)).msg, "to all");
    await phone.wire.ask({ msgid: 3 }, 17);
    await laptop.wire.settle();
    await bob.wire.settle();
    assertEquals(bob.wire.frames.filter(({ msgid }) => msgid === 23), [], "one of them is there");
    await laptop.wire.ask({ msgid: 3 }, 17);
    assertEquals((await bob.wire.next(23)).state, "offline");
  },
);

onEveryPair(
  "devices: a token is its device's and ends with its logout; devices are listed and ended",
  async (world) => {
    const [one, two] = await world.start();
    const who = { id: await register(one, "ann"), name: "ann" };
    await using phone = await enter(one, { ...who, device: "phone" });
    await using laptop = await enter(two, { ...who, device: "laptop" });
    const { token } = laptop.ack;
    const answerTo = async (login: object) => {
      await using asked = await ask(two, login);
      return asked.ack.errno;
    };
    for (const wrong of [{ device: "phone" }, { device: "tablet" }, {}]) {
      assertEquals(await answerTo({ token, ...wrong }), 1, JSON.stringify(wrong));
    }
    const list = await phone.wire.ask({ msgid: 30, do: "list", rid: "1" }, 24);
    assert(list.devices.every(({ seen }: { seen: number }) => Math.abs(seen - Date.now()) < 60_000));
    const shown = list.devices.map(({ seen: _, ...about }: { seen: number }) => about);
    assertEquals([list.ref, list.rid, shown], [30, "1", [
      { device: "laptop", client: "test laptop", online: true },
      { device: "phone", client: "test phone", online: true },
    ]]);
    const ended = await phone.wire.ask({ msgid: 30, do: "end", device: "laptop" }, 24);
    assertEquals(ended.devices.map(({ device }: { device: string }) => device), ["phone"]);
    assertEquals((await laptop.wire.next(22)).reason, "ended");
    await laptop.wire.gone();
    assertEquals(await answerTo({ token, device: "laptop" }), 1, "its token has ended with it");
    assertEquals((await phone.wire.ask({ msgid: 30, do: "end", device: "phone" }, 16)).errno, 109);
    await phone.wire.ask({ msgid: 3 }, 17);
    assertEquals(await answerTo({ token: phone.ack.token, device: "phone" }), 1, "logged out");
    await using nameless = await ask(one, { id: who.id, password: "pw ann" });
    await nameless.wire.ask({ msgid: 3 }, 17);
    assertEquals(
      await answerTo({ token: nameless.ack.token }),
      0,
      "the nameless device's outlives its logout",
    );
  },
);

onEveryPair(
  "devices: a user may have 20; a client's name and a device's name have their limits",
  async (world) => {
    const [one, two] = await world.start();
    const who = { id: await register(one, "ann"), name: "ann" };
    for (const n of oneTo(20)) {
      await using entered = await enter(n % 2 ? one : two, { ...who, device: `device-${n}` });
      await entered.wire.ask({ msgid: 3 }, 17);
    }
    const login = { id: who.id, password: "pw ann" };
    for (
      const [about, errno] of [
        [{ device: "" }, 100],
        [{ device: "one more" }, 100],
        [{ device: "x".repeat(41) }, 107],
        [{ device: "phone", client: "x".repeat(61) }, 107],
        [{ device: "phone", client: "a\u0000b" }, 100],
        [{ device: "one-more" }, 113],
        [{ device: "device-7" }, 0],
      ] as const
    ) {
      await using wire = await two.connect();
      const answer = await wire.ask({ msgid: 1, v: 2, ...login, ...about }, 2, 16);
      assertEquals(answer.errno, errno, JSON.stringify(about));
    }
    // One that is refused has left no session behind.
    await using nameless = await ask(two, login);
    assertEquals(nameless.ack.errno, 0);
  },
);

Deno.test({
  name: "nginx: two devices on two nodes: what is written and read on one is on the other",
  ...needsServices,
  fn: async () => {
    await using cluster = await Cluster.start();
    const nodes = [await cluster.node(), await cluster.node()];
    await using nginx = await startNginx({ upstreams: nodes.map((node) => node.port) });
    const door: Connectable = { connect: () => Wire.connect(nginx.port) };
    const who = { id: await register(nodes[0]!, "ann"), name: "ann" };
    const bob = await register(nodes[0]!, "bob");
    const conv = `u${who.id}-${bob}`;
    // The balancer alternates.
    await using phone = await enter(door, { ...who, device: "phone" });
    await using laptop = await enter(door, { ...who, device: "laptop" });
    assertEquals(nodes.map((node) => node.sessions), [1, 1]);
    for (const n of oneTo(50)) {
      await phone.wire.ask({ msgid: 6, toid: bob, msg: `${n}`, mid: `p${n}` }, 12);
      await laptop.wire.ask({ msgid: 6, toid: bob, msg: `${n}`, mid: `l${n}` }, 12);
    }
    const texts = async (wire: Wire) => {
      const found: string[] = [];
      for (const _ of oneTo(50)) {
        const { seq, mid } = await wire.next(6);
        found.push(`${seq} ${mid}`);
      }
      return found;
    };
    assertEquals(await texts(phone.wire), oneTo(50).map((n) => `${2 * n} l${n}`));
    assertEquals(await texts(laptop.wire), oneTo(50).map((n) => `${2 * n - 1} p${n}`));
    await laptop.wire.send({ msgid: 13, conv, seq: 99, kind: "read" });
    assertEquals(await phone.wire.next(13), { msgid: 13, id: who.id, conv, seq: 99, kind: "read" });
    await phone.wire.settle();
    assertEquals([phone.wire.frames, laptop.wire.frames], [[], []]);
  },
});
