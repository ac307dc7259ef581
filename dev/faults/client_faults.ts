import type { ModelClient } from "./client.ts";
import { pairOf } from "./pair.ts";
import { type Fault, pause } from "./fault.ts";
import type { World } from "./world.ts";

const AWAY = 15_000;
const LOSE_ACKS = 5000;
const SLOW = 10_000;
/** What the slow reader is sent meanwhile. */
const FLOOD = { messages: 400, size: 16_000, atOnce: 10 } as const;
const TRICKLE = 20_000;

export const CLIENT_FAULTS: readonly Fault[] = [
  {
    name: "cut-client",
    about: "the connections of a few users forward nothing any more, and no FIN says so",
    part: "clients",
    async inject({ crowd, proxy }, random) {
      for (const client of random.shuffled(crowd.clients).slice(0, random.between(2, 5))) {
        proxy.link(client.port)?.cut();
        await pause(random.between(0, 300));
      }
    },
  },
  {
    name: "away",
    about: "a few users are away for 15 s: nobody is shown them as online for longer than 10 s",
    part: "clients",
    async inject({ crowd }, random) {
      for (const client of random.shuffled(crowd.clients).slice(0, random.between(2, 5))) client.leave(AWAY);
      await pause(AWAY);
    },
  },
  {
    name: "lose-acks",
    about: "half of the users get no MESSAGE_ACK for 5 s, then their connections break",
    part: "clients",
    async inject({ crowd, proxy }, random) {
      const some = random.shuffled(crowd.clients).slice(0, crowd.clients.length / 2);
      const links = some.flatMap((client) => proxy.link(client.port) ?? []);
      for (const link of links) link.loseAcks(true);
      await pause(LOSE_ACKS);
      for (const link of links) {
        // What waits for its acknowledgement is sent again once the connection has broken, and only then.
        if (link.acksLost > 0) link.close();
        else link.loseAcks(false);
      }
    },
  },
  {
    name: "slow-reader",
    about: "a user reads nothing, another one a trickle, for 10 s, and both are sent a lot",
    part: "clients",
    async inject(world, random) {
      const [still, slow, ...writers] = random.shuffled(world.crowd.clients);
      if (!still || !slow) return;
      const links = [still, slow].map((client) => world.proxy.link(client.port));
      links[0]?.hold();
      links[1]?.throttle(TRICKLE);
      const awake = [still, slow].map((client) => client.suspend());
      try {
        const began = world.now();
        await flood(world, { to: [still, slow], from: writers.slice(0, FLOOD.atOnce) });
        await pause(Math.max(0, SLOW - (world.now() - began)));
      } finally {
        for (const wake of awake) wake();
        for (const link of links) link?.release();
      }
    },
  },
];

/** Sends much to a few users, no faster than it is acknowledged, and for no longer than they are slow. */
async function flood(
  { now }: World,
  { to, from }: { to: readonly ModelClient[]; from: readonly ModelClient[] },
): Promise<void> {
  const deadline = now() + SLOW;
  for (let sent = 0; sent < FLOOD.messages && now() < deadline;) {
    for (const writer of from) {
      const reader = to[sent++ % to.length]!;
      writer.write({ conv: pairOf(writer.id, reader.id), toid: reader.id }, FLOOD.size);
    }
    while (from.some((writer) => writer.unsent > 20) && now() < deadline) await pause(10);
  }
}
