import { assert, assertEquals } from "@std/assert";
import { encodeReply } from "../protocol/encode.ts";
import { Msg } from "../protocol/msgid.ts";
import { LIMITS } from "../protocol/schemas.ts";
import type { Store } from "../stores/store.ts";
import { Overviews, SHOWN } from "./overview.ts";
import type { Session } from "./sessions.ts";

/** Long as JSON in UTF-8: four bytes for a code point, and quotes as many in documents within documents, or more. */
const longest = (max: number, sign = "\u{1f600}") => sign.repeat(max);
const ids = (count: number) => Array.from({ length: count }, (_, i) => 9e15 - i);

function store(
  { groups, friends, size = 1, sign }: { groups: number; friends: number; size?: number; sign?: string },
) {
  const asked: string[] = [];
  const progress = (conv: string) => ({ conv, seq: 9e15, delivered: 9e15, read: 9e15 });
  const parts = {
    social: {
      friends: () =>
        Promise.resolve(ids(friends).map((id) => ({ id, name: longest(LIMITS.name, sign), seen: 9e15 }))),
      groups: (_: number, limit = Infinity) =>
        Promise.resolve(
          ids(Math.min(groups, limit)).map((id) => ({
            id,
            name: longest(LIMITS.name, sign),
            description: longest(LIMITS.groupDescription, sign),
            role: "normal",
            size,
          })),
        ),
      members: (group: number, { limit }: { limit: number }) => {
        asked.push(`members of ${9e15 - group}`);
        const rows = ids(Math.min(size, limit)).map((id) => ({
          id,
          name: longest(LIMITS.name, sign),
          role: "normal",
        }));
        return Promise.resolve(rows);
      },
    },
    leases: { online: (users: readonly number[]) => Promise.resolve(new Set(users.slice(-3))) },
    log: {
      hasMoreThan: (_: number, count: number) => Promise.resolve(groups + friends > count),
      conversationsOf: (_: object, convs: readonly string[]) => Promise.resolve(convs.map(progress)),
      conversations: () => Promise.resolve([]),
    },
  };
  return { asked, store: parts as unknown as Store };
}

function read(world: ReturnType<typeof store>, generation: 1 | 2) {
  const session = { user: { id: 1, name: "x" }, device: "", peer: { generation } } as unknown as Session;
  return new Overviews(world.store, { enterGroups: () => Promise.resolve() }).read(session);
}

for (const [generation, sign] of [[1, "\u{1f600}"], [1, '"'], [2, "\u{1f600}"]] as const) {
  Deno.test(`login: no answer to it is longer than 1 MiB, v${generation}, names of ${sign}`, async () => {
    const { online: _, more, ...overview } = await read(
      store({ groups: 50_000, friends: 5000, size: 10_000, sign }),
      generation,
    );
    assert(more);
    assertEquals([overview.friends.length, overview.groups.length], [SHOWN.friends, SHOWN.groups]);
    assert(overview.conversations.length <= SHOWN.conversations);
    const ack = {
      msgid: Msg.LOGIN_ACK,
      errno: 0,
      id: 9e15,
      name: longest(50),
      log: "x",
      token: "x",
      ...overview,
    } as const;
    const size = new TextEncoder().encode(encodeReply({ ...ack, more: true }, generation)).length;
    assert(size < 1024 * 1024, `${size} bytes`);
  });
}

Deno.test("login: v1 is shown the oldest first, those who are online whatever their age, and few members", async () => {
  const { friends } = await read(store({ groups: 1, friends: 600 }), 1);
  assertEquals([friends.length, friends.filter(({ state }) => state === "online").length], [500, 3]);
  assertEquals(friends[0]!.id < friends[499]!.id, true, "ids of these are the higher the newer they are");
  const world = store({ groups: 20, friends: 10, size: 5000 });
  const { groups } = await read(world, 1);
  assertEquals(groups.map(({ members = [] }) => members.length).slice(-4), [0, 100, 200, 200]);
  assertEquals(world.asked.length, 3);
});

Deno.test("login: v2 is shown the newest friends, and no members are read", async () => {
  const world = store({ groups: 20, friends: 10, size: 5000 });
  const { friends, groups, more } = await read(world, 2);
  assertEquals([friends[0]?.id, groups[0]?.members, more, world.asked], [9e15, undefined, false, []]);
});
