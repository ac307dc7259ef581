import { assertEquals } from "@std/assert";
import { groupConv, pairConv } from "../../server/protocol/conversation.ts";
import type { Kind } from "../../server/protocol/messages.ts";
import { openMysql } from "../../server/stores/mysql/open.ts";
import type { NewMessage, Store } from "../../server/stores/store.ts";
import { haveServices, startMariaDb } from "../services.ts";
import { HoldingProxy } from "./holding_proxy.ts";

const services = await haveServices();

/** Well below the time after which a lock that is in the way is given up, in ms. */
const NO_WAIT = 700;
/** No write of one entry takes more requests than this. */
const MOST_REQUESTS = 12;

let made = 0;
const entry = (from: number, to: number, kind: Kind = "chat"): NewMessage => ({
  conv: pairConv(from, to),
  kind,
  sender: from,
  senderName: `${from}`,
  to,
  mid: `m${++made}`,
  body: '"x"',
});

/** What a node may be doing for users 1 and 2 when it freezes, and what has to have happened before. */
const DOINGS: Record<
  string,
  { before: NewMessage[]; doing: (store: Store, attempt: number) => Promise<unknown> }
> = {
  "a message": { before: [entry(1, 2)], doing: (store) => store.log.append(entry(1, 2)) },
  "a first message": { before: [], doing: (store) => store.log.append(entry(1, 2)) },
  "a friend request": { before: [entry(1, 2)], doing: (store) => store.log.append(entry(1, 2, "request")) },
  "accepting one": {
    before: [entry(1, 2, "request")],
    doing: (store) => store.log.append(entry(2, 1, "accept")),
  },
  "making a group": {
    before: [],
    doing: (store) => store.social.createGroup({ name: "g", description: "", creator: 1 }),
  },
  "joining a group": { before: [], doing: (store, attempt) => store.social.joinGroup(attempt, 1) },
  "storing cursors": {
    before: [entry(1, 2)],
    doing: (store) => store.log.moveCursors([{ user: 2, device: "", conv: "u1-2", delivered: 1 }]),
  },
};

async function append(store: Store, message: NewMessage): Promise<void> {
  const result = await store.log.append(message);
  if ("refused" in result) throw new Error(`refused: ${result.refused}`);
}

for (const [name, { before, doing }] of Object.entries(DOINGS)) {
  Deno.test({
    name: `MariaDB: a node frozen at any statement of ${name} is in nobody's way`,
    ignore: !services.ok,
    fn: async () => {
      await using db = await startMariaDb({ flushLogAtCommit: 0 });
      await using proxy = new HoldingProxy(Number(new URL(db.url).port));
      const through = new URL(db.url);
      through.port = String(proxy.port);
      const one = await openMysql({ url: through.href, poolSize: 4, wait: 0 });
      const two = await openMysql({ url: db.url, poolSize: 4, wait: 0 });
      try {
        for (let i = 1; i <= 20; i++) await one.accounts.create(`u${i}`, "x");
        await two.social.createGroup({ name: "of all", description: "", creator: 19 });
        for (const message of before) await append(one, { ...message, mid: `m${++made}` });
        for (let user = 3; user <= 18; user++) await append(two, entry(user, user + 1));
        for (let requests = 0; requests < MOST_REQUESTS; requests++) {
          const held = proxy.holdAfter(requests);
          let ended = false;
          // Each attempt has made another group.
          const stuck = doing(one, requests + 1).then(() => ended = true, () => ended = true);
          await Promise.race([held, stuck]);
          if (ended) break;
          const began = performance.now();
          // The same two people as well: all of it goes in one batch.
          await Promise.all([
            append(two, entry(1, 2)),
            ...Array.from({ length: 16 }, (_, i) => append(two, entry(i + 3, i + 4))),
            append(two, { ...entry(19, 20), conv: groupConv(1), to: undefined }),
            two.social.createGroup({ name: "another", description: "", creator: 2 }),
            two.log.moveCursors([
              { user: 2, device: "", conv: "u1-2", delivered: 1 },
              { user: 19, device: "", conv: groupConv(1), delivered: 1 },
            ]),
          ]);
          const took = performance.now() - began;
          assertEquals(took < NO_WAIT, true, `held at request ${requests}: others took ${took.toFixed()} ms`);
          proxy.release();
          await stuck;
        }
        const numbers = await db.sql(
          "SELECT COUNT(*) - MAX(seq) AS missing FROM message GROUP BY conv HAVING missing <> 0",
          { database: "chat" },
        );
        assertEquals(numbers, "");
      } finally {
        proxy.release();
        await one.close();
        await two.close();
      }
    },
  });
}
