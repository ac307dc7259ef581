import { assert, assertEquals } from "@std/assert";
import { encodeReply } from "./encode.ts";
import type { Friend, Group, LoginAck, LogMessage, Member, State } from "./messages.ts";
import { Msg } from "./msgid.ts";
import { bytesOf } from "./v1_frames.ts";
import { fitLoginAck, missedSize } from "./v1_login_ack.ts";

const LONGEST = 1023;
const stateOf = (id: number): State => id % 5 === 0 ? "online" : "offline";
const member = (id: number): Member => ({ id, name: `名 "${id}"`, state: stateOf(id), role: "normal" });
const members = (count: number) => Array.from({ length: count }, (_, i) => member(i + 1));
const befriended = (count: number) => members(count).map((friend): Friend => ({ ...friend, seen: 0 }));
const group = (id: number, { size = 3, groupdesc = "" } = {}): Group => ({
  id,
  groupname: `group ${id}`,
  groupdesc,
  role: "normal",
  size,
  members: members(size),
});

function ackOf(parts: Partial<LoginAck>): LoginAck {
  return {
    msgid: Msg.LOGIN_ACK,
    errno: 0,
    id: 1,
    name: "ann",
    friends: [],
    groups: [],
    conversations: [],
    log: "l",
    ...parts,
  };
}

/** The frame as a program of old reads it, all of its texts parsed. */
function read(ack: LoginAck) {
  const text = encodeReply(ack, 1)!;
  const { friends = [], groups = [], offlinemsg = [] } = JSON.parse(text);
  const parsed = (texts: string[]) => texts.map((text) => JSON.parse(text));
  return {
    bytes: bytesOf(text),
    friends: parsed(friends),
    groups: parsed(groups).map((group) => ({ ...group, users: parsed(group.users) })),
    offlinemsg: parsed(offlinemsg),
  };
}

Deno.test("v1 login answer: what fits is as it was", () => {
  const ack = ackOf({
    friends: befriended(3),
    groups: [group(1)],
    requests: [{ from: 9, msg: "hello" }],
  });
  assertEquals(fitLoginAck(ack, LONGEST).ack, ack);
  const huge = ackOf({ friends: befriended(5000), groups: [group(1, { size: 5000 })] });
  assertEquals(read(fitLoginAck(huge, 10_000_000).ack), read(huge));
});

Deno.test("v1 login answer: of friends those online stay, and the newest, in their order", () => {
  const { ack, room } = fitLoginAck(ackOf({ friends: befriended(40) }), LONGEST);
  const { friends, bytes } = read(ack);
  const ids = friends.map(({ id }) => id);
  assertEquals(ids.filter((id) => id % 5 === 0), [5, 10, 15, 20, 25, 30, 35, 40]);
  const others = ids.filter((id) => id % 5 > 0);
  const newest = members(40).map(({ id }) => id).filter((id) => id % 5 > 0).slice(-others.length);
  assertEquals([others, ids], [newest, ids.toSorted((a, b) => a - b)]);
  assert(bytes <= LONGEST && bytes > LONGEST - 150 && room < 120, `${bytes}, ${room}`);
});

Deno.test("v1 login answer: requests and groups keep a place beside many friends", () => {
  const requests = Array.from(
    { length: 50 },
    (_, i) => ({ from: 100 + i, msg: "would like to be your friend" }),
  );
  const groups = Array.from(
    { length: 50 },
    (_, i) => group(i + 1, { size: 50, groupdesc: "长".repeat(200) }),
  );
  const { ack } = fitLoginAck(ackOf({ friends: befriended(500), groups, requests }), LONGEST);
  const shown = read(ack);
  assert(shown.bytes <= LONGEST, `${shown.bytes}`);
  assertEquals(shown.offlinemsg[0], { msgid: 7, from: 100, toid: 1, msg: "would like to be your friend" });
  assertEquals(shown.groups.at(-1)?.groupname, "group 50");
  assertEquals(shown.groups.at(-1)?.groupdesc, "长".repeat(20) + "…");
  assert(shown.friends.length > 0);
});

Deno.test("v1 login answer: of a group's members those online are shown as far as there is room", () => {
  const { ack } = fitLoginAck(ackOf({ groups: [group(1, { size: 200 }), group(2, { size: 200 })] }), LONGEST);
  const { groups, bytes } = read(ack);
  assert(bytes <= LONGEST && bytes > LONGEST - 200, `${bytes}`);
  assertEquals(groups.map(({ id }) => id), [1, 2]);
  for (const { users } of groups) {
    assert(users.length > 2 && users.every(({ state }: { state: State }) => state === "online"));
  }
});

Deno.test("v1 login answer: missed messages that are counted into the room fit, to the byte", () => {
  const message = (seq: number): LogMessage => ({
    conv: "u1-2",
    seq,
    kind: "chat",
    sender: 2,
    senderName: 'b"b',
    mid: null,
    body: JSON.stringify('"名'.repeat(seq)),
    at: 0,
  });
  for (const longest of [512, 1023, 4096]) {
    const { ack, room } = fitLoginAck(ackOf({ friends: befriended(4) }), longest);
    const missed: LogMessage[] = [];
    let left = room;
    for (let seq = 1; missedSize(message(seq)) <= left; seq++) {
      left -= missedSize(message(seq));
      missed.push(message(seq));
    }
    const { bytes } = read({ ...ack, missed });
    // A list that is empty is left out, and the last element of each has no comma.
    assert(bytes <= longest - left && bytes > longest - left - 20, `${bytes} of ${longest - left}`);
  }
});
