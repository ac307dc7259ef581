import { assertEquals, assertRejects } from "@std/assert";
import { Refusal } from "../errors.ts";
import type { LogMessage, Reply } from "../protocol/messages.ts";
import type { LogStore, Page, SocialStore } from "../stores/store.ts";
import { History } from "./history.ts";
import type { Session } from "./sessions.ts";

type Asked = Parameters<History["page"]>[1];
type Answer = Extract<Reply, { frames: readonly string[] }>;

/** A conversation with these numbers, of which user 1 may see what comes after `joined`. */
function setUp(
  { seqs, joined = 0, body = '"x"' }: { seqs: readonly number[]; joined?: number; body?: string },
) {
  const entries = seqs.map((seq): LogMessage => (
    { conv: "g1", seq, kind: "chat", sender: 2, senderName: "", mid: null, body, at: seq }
  ));
  const log = {
    read({ after, before, limit, maxSize = Infinity }: Page) {
      const found = before === undefined
        ? entries.filter(({ seq }) => seq > (after ?? 0))
        : entries.filter(({ seq }) => seq < before).reverse();
      let room = maxSize;
      const page = found.slice(0, limit).filter((entry, i) => (room -= entry.body.length) >= 0 || i === 0);
      return Promise.resolve(before === undefined ? page : page.reverse());
    },
    membership: () => Promise.resolve({ joined }),
    reactions: () => Promise.resolve([]),
  };
  const answers: Answer[] = [];
  const session = { user: { id: 1 }, peer: { reply: (reply: Answer) => answers.push(reply) } };
  const history = new History({
    log: log as unknown as LogStore,
    social: {} as SocialStore,
    maxFrame: 1000,
  });
  const ask = async (frame: Partial<Asked>) => {
    await history.page(
      session as unknown as Session,
      { msgid: 20, conv: "g1", limit: 200, ...frame } as Asked,
    );
    const { frames, more } = answers.pop()!;
    return { seqs: frames.map((text) => JSON.parse(text).seq), more };
  };
  return { ask };
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

Deno.test("history: goes on beyond purged entries, forward and back, and ends where nothing is", async () => {
  const { ask } = setUp({ seqs: [...range(8, 10), ...range(241, 243)] });
  assertEquals(await ask({ after: 0, limit: 4 }), { seqs: [8, 9, 10, 241], more: true });
  assertEquals(await ask({ after: 10 }), { seqs: [241, 242, 243], more: false });
  assertEquals(await ask({ limit: 4 }), { seqs: [10, 241, 242, 243], more: true });
  assertEquals(await ask({ before: 10 }), { seqs: [8, 9], more: false });
  assertEquals(await ask({ before: 8 }), { seqs: [], more: false });
});

Deno.test("history: a page that ends for its size says whether there is more, beyond what is missing, too", async () => {
  const { ask } = setUp({ seqs: [5, 100, 200], body: JSON.stringify("x".repeat(600)) });
  assertEquals(await ask({}), { seqs: [200], more: true });
  assertEquals(await ask({ before: 100 }), { seqs: [5], more: false });
  assertEquals(await ask({ after: 5 }), { seqs: [100], more: true });
  assertEquals(await ask({ after: 100 }), { seqs: [200], more: false });
});

Deno.test("history: a member sees what comes after joining, and no more", async () => {
  const { ask } = setUp({ seqs: [1, 2, 3, 40, 41], joined: 3 });
  assertEquals(await ask({ after: 0 }), { seqs: [40, 41], more: false });
  assertEquals(await ask({}), { seqs: [40, 41], more: false });
  assertEquals(await ask({ before: 40 }), { seqs: [], more: false });
});

Deno.test("history: of somebody else's conversation is refused", async () => {
  const { ask } = setUp({ seqs: [1] });
  await assertRejects(() => ask({ conv: "u2-3" }), Refusal, "not yours");
});
