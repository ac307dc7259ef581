import { tokenOf } from "../population.ts";
import { Asker } from "./asker.ts";
import { serve } from "./worker.ts";

/** Somebody comes back to much that a stranger has written, and a friend writes when its first message is there. */
export interface CatchUpSettings {
  readonly port: number;
  readonly reader: number;
  readonly friend: number;
  /** How many messages of the stranger wait for the reader, who never confirms any of them. */
  readonly waiting: number;
}

/** What the reader saw, ms from the friend's sending. */
export interface CatchUp {
  /** Until the friend's message was there. */
  readonly friend: number;
  /** Until everything was there. */
  readonly all: number;
}

/** Frames are long here. */
const BUFFER = 256 * 1024;

async function round({ port, reader, friend, waiting }: CatchUpSettings): Promise<CatchUp> {
  const writer = await Asker.connect(port);
  await writer.logIn(friend);
  const back = await Asker.connect(port, { buffer: BUFFER });
  await back.ask({ msgid: 1, v: 2, id: reader, token: tokenOf(reader), takeover: true }, 2);
  const mid = crypto.randomUUID();
  let began = 0;
  let seen: number | undefined;
  for (let left = waiting; left > 0 || seen === undefined;) {
    const frame = await back.next(6);
    if (frame.id !== friend && left-- === waiting) {
      began = performance.now();
      await writer.send({ msgid: 6, toid: reader, msg: "are you there?", mid });
    }
    if (frame.mid === mid) seen = performance.now() - began;
    // Earlier rounds' are not to come again; the stranger's are.
    if (frame.id === friend) {
      await back.send({ msgid: 13, conv: frame.conv, seq: frame.seq, kind: "delivered" });
    }
  }
  const all = performance.now() - began;
  for (const asker of [back, writer]) {
    await asker.ask({ msgid: 3 }, 17);
    asker.close();
  }
  return { friend: seen, all };
}

await serve((settings: CatchUpSettings) => Promise.resolve({ round: () => round(settings) }));
