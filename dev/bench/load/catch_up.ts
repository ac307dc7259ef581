import { tokenOf } from "../population.ts";
import { Asker } from "./asker.ts";
import { serve } from "./worker.ts";

/** Somebody comes back to much that a stranger has written; meanwhile a friend writes, again and again. */
export interface CatchUpSettings {
  readonly port: number;
  readonly reader: number;
  readonly friend: number;
  /** How many messages of the stranger wait for the reader, who never confirms any of them. */
  readonly waiting: number;
}

/** What the reader saw, ms. */
export interface CatchUp {
  /** The longest that a message of the friend took. */
  readonly friend: number;
  /** From the first of the stranger's messages to the last one. */
  readonly all: number;
}

/** How often the friend writes, ms. */
const EVERY = 50;

/** Frames are long here. */
const BUFFER = 256 * 1024;

async function round({ port, reader, friend, waiting }: CatchUpSettings): Promise<CatchUp> {
  const writer = await Asker.connect(port);
  await writer.logIn(friend);
  const back = await Asker.connect(port, { buffer: BUFFER });
  await back.ask({ msgid: 1, v: 2, id: reader, token: tokenOf(reader), takeover: true }, 2);
  const sent = new Map<string, number>();
  const write = () => {
    const mid = crypto.randomUUID();
    sent.set(mid, performance.now());
    writer.send({ msgid: 6, toid: reader, msg: "are you there?", mid });
  };
  let began = 0;
  let all = 0;
  let longest = 0;
  let writing: ReturnType<typeof setInterval> | undefined;
  for (let left = waiting; left > 0 || sent.size > 0;) {
    const { id, mid, conv, seq } = await back.next(6);
    if (id === friend) {
      // One that an earlier round has left would come again.
      await back.send({ msgid: 13, conv, seq, kind: "delivered" });
      longest = Math.max(longest, performance.now() - (sent.get(String(mid)) ?? Infinity));
      sent.delete(String(mid));
      continue;
    }
    if (left === waiting) {
      began = performance.now();
      write();
      writing = setInterval(write, EVERY);
    }
    if (--left > 0) continue;
    all = performance.now() - began;
    clearInterval(writing);
  }
  for (const asker of [back, writer]) {
    await asker.ask({ msgid: 3 }, 17);
    asker.close();
  }
  return { friend: longest, all };
}

await serve((settings: CatchUpSettings) => Promise.resolve({ round: () => round(settings) }));
