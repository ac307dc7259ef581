import { assert, assertEquals } from "@std/assert";
import { type Behind, type LogStore, StoreUnavailable, type UserDevice } from "../stores/store.ts";
import { Healer } from "./healer.ts";
import type { Session, Sessions } from "./sessions.ts";
import { system } from "../system.ts";

function setUp(options: { users: number; behind?: Behind[]; interval?: number; isHearing?: () => boolean }) {
  const asked: number[][] = [];
  const noticed: string[] = [];
  const failures: Error[] = [];
  const waiting: (() => void)[] = [];
  const sessions = Array.from({ length: options.users }, (_, i) => ({
    device: "",
    user: { id: i + 1, name: `${i + 1}` },
    groups: new Set([1]),
    inbox: { notice: (conv: string, seq: number) => noticed.push(`${i + 1} ${conv} ${seq}`) },
  })) as unknown as Session[];
  const defects: unknown[] = [];
  const healer = new Healer({
    log: {
      behind: (devices: readonly UserDevice[]) => {
        asked.push(devices.map(({ user }) => user));
        for (const resolve of waiting.splice(0)) resolve();
        const failure = failures.shift();
        return failure ? Promise.reject(failure) : Promise.resolve(options.behind ?? []);
      },
    } as unknown as LogStore,
    sessions: {
      all: () => sessions,
      get: ({ user }: UserDevice) => sessions[user - 1],
      of: (user: number) => sessions.slice(user - 1, user),
      joinGroup: ({ user }: Session, { group, seq }: { group: number; seq: number }) => {
        noticed.push(`${user.id} enters ${group} after ${seq}`);
        return Promise.resolve();
      },
    } as unknown as Sessions,
    isHearing: options.isHearing ?? (() => true),
    interval: options.interval ?? 100_000,
    system,
    onDefect: (error) => defects.push(error),
  });
  /** Resolves when the log was asked so often. */
  const until = async (count: number) => {
    while (asked.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  return { healer, asked, noticed, failures, defects, until };
}

Deno.test("healer: tells sessions what they have not got; of users without one nothing is said", async () => {
  const behind = [{ user: 2, device: "", conv: "u1-2", seq: 7, delivered: 3 }, {
    user: 9,
    device: "",
    conv: "g1",
    seq: 1,
    delivered: 0,
  }];
  const { healer, noticed, asked, until } = setUp({ users: 3, behind });
  healer.heal();
  await until(1);
  await healer.stop();
  assertEquals([asked, noticed], [[[1, 2, 3]], ["2 u1-2 7"]]);
});

Deno.test("healer: asks about 2,000 users at once, one question after the other", async () => {
  const { healer, asked, until } = setUp({ users: 4500 });
  healer.heal();
  await until(3);
  await healer.stop();
  assertEquals(asked.map(({ length }) => length), [2000, 2000, 500]);
  assertEquals(new Set(asked.flat()).size, 4500);
});

Deno.test("healer: looks now and then without any reason, and does not ask about nobody", async () => {
  const { healer, asked, until } = setUp({ users: 1, interval: 5 });
  healer.start();
  await until(3);
  await healer.stop();
  assert(asked.every(([user]) => user === 1));
  const nobody = setUp({ users: 0 });
  nobody.healer.heal();
  await nobody.healer.stop();
  assertEquals(nobody.asked, []);
});

Deno.test("healer: while wake-ups may not arrive it looks without being asked", async () => {
  const { healer, until } = setUp({ users: 1, isHearing: () => false });
  healer.start();
  await until(2);
  await healer.stop();
});

Deno.test("healer: what is asked for while it looks is looked for once more, however often", async () => {
  const { healer, asked, until } = setUp({ users: 1 });
  healer.heal();
  for (let i = 0; i < 10; i++) healer.heal();
  await until(2);
  await healer.stop();
  assertEquals(asked.length, 2);
});

Deno.test("healer: a store that is away is asked again", async () => {
  const { healer, failures, noticed, defects, until } = setUp({
    users: 1,
    behind: [{ user: 1, device: "", conv: "g1", seq: 2, delivered: 0 }],
  });
  failures.push(new StoreUnavailable("away"));
  healer.heal();
  await until(2);
  await healer.stop();
  assertEquals([noticed, defects], [["1 g1 2"], []]);
});

Deno.test("healer: a group that the session does not know of is entered where its user has got, and heard from then on", async () => {
  const { healer, noticed, until } = setUp({
    users: 1,
    behind: [{ user: 1, device: "", conv: "g2", seq: 6, delivered: 5 }],
  });
  healer.heal();
  await until(1);
  await healer.stop();
  assertEquals(noticed, ["1 enters 2 after 5", "1 g2 6"]);
});

Deno.test("healer: is asked about one user at once, and again only after a pause, however often", async () => {
  const { healer, asked, noticed, until } = setUp({
    users: 3,
    behind: [{ user: 2, device: "", conv: "u1-2", seq: 7, delivered: 3 }],
  });
  for (let i = 0; i < 100; i++) void healer.healUser(2);
  await until(2);
  await healer.stop();
  assertEquals([asked, new Set(noticed)], [[[2], [2]], new Set(["2 u1-2 7"])]);
});
