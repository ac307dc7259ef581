import { Wire } from "../e2e/wire.ts";
import type { ModelClient } from "./client.ts";
import type { Journal } from "./journal.ts";
import { entryOf, type Frame, MSG } from "./wire_frame.ts";
import type { World } from "./world.ts";

const PAGE = 200;
/** Users who read at once. */
const AT_ONCE = 6;
/** What may pass is tried so often again, after so many ms. */
const TRIES = 30;
const PAUSE = 500;

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/**
 * Each user begins on a new device that holds nothing, and reads its conversations from the first message to the last.
 * The users' own clients end with that.
 */
export async function readHistories(world: World, conversations: Iterable<string>): Promise<void> {
  const { crowd, journal, proxy, score } = world;
  const all = [...conversations];
  const left = [...crowd.clients];
  const next = async () => {
    for (let client; (client = left.pop());) {
      await client.stop();
      try {
        await readAs(client, {
          journal,
          port: proxy.port,
          conversations: crowd.conversationsOf(client.id, all),
        });
      } catch (error) {
        const where = `user ${client.id} could not read the history: ${
          error instanceof Error ? error.message : error
        }`;
        score.violate({ flaw: "not recovered", conv: "", seq: undefined, mid: "", where });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
}

async function readAs(
  { id: user, token }: ModelClient,
  { journal, port, conversations }: { journal: Journal; port: number; conversations: readonly string[] },
): Promise<void> {
  await using wire = await Wire.connect(port);
  const session = `${user} history`;
  journal.record({ type: "logging in", client: session, user, session });
  const login = { msgid: MSG.LOGIN, v: 2, id: user, token, takeover: true };
  const { log = "" } = await ask(wire, { request: login, answer: MSG.LOGIN_ACK });
  const by = { client: session, user, session, log };
  journal.record({ type: "login", ...by });
  for (const conv of conversations) {
    let to = 0;
    for (let more = true; more;) {
      const request = { msgid: MSG.HISTORY, conv, after: to, limit: PAGE };
      const page = await ask(wire, { request, answer: MSG.HISTORY_ACK });
      for (const frame of page.messages ?? []) {
        const entry = entryOf(frame);
        if (entry === undefined) throw new Error(`${conv} has an entry without its fields`);
        journal.record({ type: "read", ...by, ...entry });
        to = Math.max(to, entry.seq);
      }
      more = page.more === true && (page.messages ?? []).length > 0;
      // What is pushed meanwhile is the same, once more.
      wire.forget(
        MSG.CHAT,
        MSG.GROUP_CHAT,
        MSG.FRIEND_REQUEST,
        MSG.FRIEND_RESPONSE,
        MSG.RECEIPT,
        MSG.PRESENCE,
      );
      wire.raw.length = 0;
    }
    journal.record({ type: "end", ...by, conv, from: 1, to });
  }
  journal.record({ type: "left", ...by, how: "cut" });
}

/** Asks again as long as the server says that it may pass. */
async function ask(
  wire: Wire,
  { request, answer }: { request: object; answer: number },
): Promise<Frame & { messages?: readonly Frame[]; more?: boolean }> {
  for (let attempt = 1;; attempt++) {
    const frame = await wire.ask(request, answer, MSG.ERROR);
    if (frame.msgid === answer && (frame.errno ?? 0) === 0) return frame;
    if (attempt === TRIES) throw new Error(`${frame.errno} ${frame.errmsg}`);
    await pause(frame.retry_ms ?? PAUSE);
  }
}
