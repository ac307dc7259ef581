import type { Filler } from "./filler.ts";
import { ACCOUNTS, GROUPS, idsOf, pairsOf, PEOPLE, type Range, tokenOf } from "./population.ts";

/** Tokens last so long, ms: a server renews those that are about to end. */
const TOKEN_LIFE = 29 * 24 * 60 * 60 * 1000;
/** Messages that are written at once. */
const CHUNK = 500_000;

/** Everybody in {@linkcode PEOPLE}, with the password of user 1 and a token, and the two groups that chat. */
export async function fillPeople(filler: Filler, crowd: number): Promise<void> {
  for (const range of Object.values(PEOPLE)) {
    const count = range.first === PEOPLE.crowd.first ? crowd : range.count;
    const ids = `(SELECT n + ${range.first - 1} AS id FROM ${filler.series(count)} AS series)`;
    const expires = Date.now() + TOKEN_LIFE;
    const prefix = tokenOf(0).slice(0, -1);
    await filler.run(`
      INSERT INTO user (id, name, password, created)
        SELECT people.id, 'user ' || people.id, one.password, 0
          FROM ${ids} AS people CROSS JOIN (SELECT password FROM user WHERE id = 1) AS one;
      INSERT INTO token (hash, userid, expires)
        SELECT ${filler.sha256(`'${prefix}' || people.id`)}, people.id, ${expires} FROM ${ids} AS people`);
  }
  await fillGroup(filler, { group: GROUPS.small, members: PEOPLE.smallGroup });
  await fillGroup(filler, { group: GROUPS.large, members: PEOPLE.largeGroup });
}

/** A group whose first member has written so many messages, all delivered. */
export async function fillGroup(
  filler: Filler,
  { group, members, messages = 0 }: { group: number; members: Range; messages?: number },
): Promise<void> {
  const { first, count } = members;
  const series = filler.series(count);
  await filler.run(`
    INSERT INTO allgroup (id, groupname, groupdesc, created) VALUES (${group}, 'group ${group}', '', 0);
    INSERT INTO groupuser (groupid, userid, grouprole, joined)
      SELECT ${group}, n + ${first - 1}, CASE WHEN n = 1 THEN 'creator' ELSE 'normal' END, 0
        FROM ${series} AS series;
    UPDATE allgroup SET size = ${count} WHERE id = ${group};
    INSERT INTO progress (userid, conv, joined, delivered, "read")
      SELECT n + ${first - 1}, 'g${group}', 0, ${messages}, ${messages} FROM ${series} AS series`);
  await fillLog(filler, { conv: `g${group}`, sender: first, messages });
}

/** So many messages in the conversations of the first pairs, all delivered. */
export async function fillPairs(
  filler: Filler,
  { pairs, messages, say }: { pairs: number; messages: number; say: (line: string) => void },
): Promise<void> {
  let done = 0;
  for (const [low, high] of pairsOf(PEOPLE.pairs, pairs)) {
    const conv = `u${low}-${high}`;
    const each = messages / pairs;
    await filler.run(
      `INSERT INTO progress (userid, conv, joined, delivered, "read") VALUES
        (${low}, '${conv}', 0, ${each}, ${each}), (${high}, '${conv}', 0, ${each}, ${each})`,
    );
    await fillLog(filler, { conv, sender: low, messages: each });
    done += each;
    if (done % CHUNK === 0) say(`${done} of ${messages} messages`);
  }
}

/** So many messages of a size that one has written to another one, none of them delivered. */
export async function fillBacklog(
  filler: Filler,
  { from, to, messages, size }: { from: number; to: number; messages: number; size: number },
): Promise<void> {
  const conv = `u${from}-${to}`;
  await filler.run(`
    INSERT INTO progress (userid, conv, joined, delivered, "read")
      VALUES (${from}, '${conv}', 0, ${messages}, ${messages}), (${to}, '${conv}', 0, 0, 0)`);
  await fillLog(filler, { conv, sender: from, messages, text: "z".repeat(size) });
}

async function fillLog(
  filler: Filler,
  { conv, sender, messages, text = "hello, how are you today?" }: {
    conv: string;
    sender: number;
    messages: number;
    text?: string;
  },
): Promise<void> {
  await filler.run(filler.begin(`'${conv}'`, { seq: `${messages}`, from: `${filler.series(1)} AS one` }));
  for (let from = 0; from < messages; from += CHUNK) {
    const count = Math.min(CHUNK, messages - from);
    // Numbers of equal length: the index on them grows at its end.
    const seq = `n + ${from}`;
    await filler.run(`
      INSERT INTO ${filler.messages} (conv, seq, sender, mid, kind, body, at)
        SELECT '${conv}', ${seq}, ${sender}, '${conv}_' || (${seq} + 100000000), 'chat', '"${text}"', 0
          FROM ${filler.series(count)} AS series`);
  }
}

/** So many conversations of the first so many users with others, one message each, all delivered. */
export async function fillConversations(
  filler: Filler,
  { users, conversations }: { users: number; conversations: number },
): Promise<void> {
  const each = conversations / users;
  const statements = idsOf(PEOPLE.pairs).slice(0, users).map((user) => {
    const other = `n + ${PEOPLE.silent.first - 1}`;
    const conv = `'u${user}-' || (${other})`;
    const series = `${filler.series(each)} AS series`;
    return `
      ${filler.begin(conv, { seq: "1", from: series })};
      INSERT INTO progress (userid, conv, joined, delivered, "read") SELECT ${user}, ${conv}, 0, 1, 1 FROM ${series};
      INSERT INTO progress (userid, conv, joined, delivered, "read") SELECT ${other}, ${conv}, 0, 1, 1 FROM ${series};
      INSERT INTO ${filler.messages} (conv, seq, sender, mid, kind, body, at)
        SELECT ${conv}, 1, ${user}, 'c_' || (${other}), 'chat', '"hello"', 0 FROM ${series}`;
  });
  await filler.run(statements.join(";"));
}

/** The first so many users have so many friends each. */
export async function fillFriends(
  filler: Filler,
  { users, friends }: { users: number; friends: number },
): Promise<void> {
  const statements = idsOf(PEOPLE.pairs).slice(0, users).map((user) => {
    const friend = `n + ${PEOPLE.silent.first - 1}`;
    const series = `${filler.series(friends)} AS series`;
    return `
      INSERT INTO friend (userid, friendid, since) SELECT ${user}, ${friend}, 0 FROM ${series};
      INSERT INTO friend (userid, friendid, since) SELECT ${friend}, ${user}, 0 FROM ${series}`;
  });
  await filler.run(statements.join(";"));
}

/** What the users in `PEOPLE.large` have: see {@linkcode ACCOUNTS}. */
export async function fillAccounts(filler: Filler): Promise<void> {
  const [often, widely] = idsOf(PEOPLE.large);
  const { groups, wideGroups, members } = ACCOUNTS;
  const wide = { first: GROUPS.ofAccounts, series: `${filler.series(wideGroups)} AS wide` };
  const own = { first: wide.first + wideGroups, series: `${filler.series(groups)} AS own` };
  for (const { first, series } of [wide, own]) {
    const id = `(n + ${first - 1})`;
    await filler.run(`
      INSERT INTO allgroup (id, groupname, groupdesc, created) SELECT ${id}, 'group ' || ${id}, '', 0 FROM ${series};
      ${filler.begin(`'g' || ${id}`, { seq: "0", from: series })}`);
  }
  const enter = (user: string, { id, from }: { id: string; from: string }) => `
    INSERT INTO groupuser (groupid, userid, grouprole, joined) SELECT ${id}, ${user}, 'normal', ${id} FROM ${from};
    INSERT INTO progress (userid, conv, joined, delivered, "read") SELECT ${user}, 'g' || ${id}, 0, 0, 0 FROM ${from}`;
  await filler.run(enter(`${often}`, { id: `(n + ${own.first - 1})`, from: own.series }));
  for (let group = wide.first; group < own.first; group++) {
    const fellow = `(CASE WHEN n = 1 THEN ${widely} ELSE n + ${PEOPLE.fellows.first - 1} END)`;
    await filler.run(enter(fellow, { id: `${group}`, from: `${filler.series(members)} AS fellows` }));
  }
  await filler.run(
    `UPDATE allgroup SET size = (SELECT COUNT(*) FROM groupuser WHERE groupuser.groupid = allgroup.id)
      WHERE id >= ${wide.first}`,
  );
}
