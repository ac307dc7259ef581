import { Asker } from "./asker.ts";
import { serve } from "./worker.ts";

/** Somebody with a large account logs in and out; meanwhile a neighbour asks for a sign of life, again and again. */
export interface LargeLoginSettings {
  readonly port: number;
  readonly user: number;
  readonly neighbour: number;
  /** How long the neighbour goes on after the login, ms: what the login leaves for later is done in this time. */
  readonly afterwards: number;
}

/** What was seen, ms. */
export interface LargeLogin {
  /** From the request to the answer. */
  readonly login: number;
  /** The longest that the neighbour waited, until the time afterwards was over. */
  readonly neighbour: number;
  /** The answer's length, in characters. */
  readonly size: number;
}

/** Answers are long here. */
const BUFFER = 256 * 1024;

async function round({ port, user, neighbour, afterwards }: LargeLoginSettings): Promise<LargeLogin> {
  const other = await Asker.connect(port);
  await other.logIn(neighbour);
  const back = await Asker.connect(port, { buffer: BUFFER });
  let isOver = false;
  let longest = 0;
  const pinging = (async () => {
    while (!isOver) {
      const began = performance.now();
      await other.ask({ msgid: 14 }, 15);
      longest = Math.max(longest, performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  const began = performance.now();
  const ack = await back.logIn(user);
  const login = performance.now() - began;
  await new Promise((resolve) => setTimeout(resolve, afterwards));
  await back.ask({ msgid: 3 }, 17);
  await new Promise((resolve) => setTimeout(resolve, 200));
  isOver = true;
  await pinging;
  await other.ask({ msgid: 3 }, 17);
  for (const asker of [back, other]) asker.close();
  return { login, neighbour: longest, size: JSON.stringify(ack).length };
}

await serve((settings: LargeLoginSettings) => Promise.resolve({ round: () => round(settings) }));
