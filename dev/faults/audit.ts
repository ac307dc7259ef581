import type { Verdict } from "../proof/check.ts";
import { compareWithStore, type StoredRow } from "../proof/store_look.ts";
import { readHistories } from "./history_reader.ts";
import { inTable } from "./journal.ts";
import { eventually } from "./recovery.ts";
import type { World } from "./world.ts";

/** Everybody has half of the suite's patience to get what they miss, with nothing broken. */
const settleWithin = ({ patience }: World) => patience / 2;

/**
 * The end of a run. Nothing is broken any more and nobody writes: everything is given time to arrive. Then each client
 * says what it holds, each user reads all of the history once more, and the checker judges.
 */
export async function audit(world: World, say: (line: string) => void): Promise<Verdict> {
  const { crowd, journal, score } = world;
  crowd.hush();
  await eventually(
    settleWithin(world),
    () => crowd.clients.every(({ ready, unsent }) => ready && unsent === 0),
  );
  checkAnswered(world);
  const conversations = journal.conversations();
  const isEven = (conv: string) =>
    new Set(crowd.readers(conv).map((reader) => crowd.get(reader)?.seen.top(conv))).size === 1;
  await eventually(settleWithin(world), () => [...conversations].every(isEven));
  for (const client of crowd.clients) client.sayEnd(crowd.conversationsOf(client.id, conversations));
  say("everybody has what there is, or has waited for it; everybody reads all of it once more");
  await readHistories(world, conversations);
  const verdict = journal.finish();
  const { counts } = verdict;
  const { events, clients, acknowledged, unproven } = counts;
  say(
    `${events} events of ${clients} clients; ${acknowledged} messages acknowledged, ${unproven} of them unproven`,
  );
  for (const violation of compareWithStore(await readMessages(world), verdict.places)) {
    score.violate(inTable(violation), violation.t);
  }
  say("counted");
  return verdict;
}

async function readMessages({ db }: World): Promise<StoredRow[]> {
  const text = await db.sql("SELECT conv, seq, sender, COALESCE(mid, '') FROM message ORDER BY conv, seq", {
    database: "chat",
  });
  return text.split("\n").filter((line) => line !== "").map((line) => {
    const [conv = "", seq, sender, mid = ""] = line.split("\t");
    return { conv, seq: Number(seq), sender: Number(sender), mid };
  });
}

function checkAnswered({ crowd, journal, score }: World): void {
  for (const client of crowd.clients) {
    for (const mid of client.waiting()) {
      const { conv = "", at = 0 } = journal.get(mid) ?? {};
      const where = `user ${client.id}, ${client.ready ? "logged in" : "not logged in"}, waits for its ack`;
      score.violate({ flaw: "unanswered", conv, seq: undefined, mid, where }, at);
    }
  }
}
