import { Msg } from "../../server/protocol/msgid.ts";
import { ServerProcess } from "../e2e/server_process.ts";
import { compare, type Expected, type Found, type Verdict } from "./check.ts";
import type { Wire } from "../e2e/wire.ts";

const PAGE = 200;

/** Starts a server on a database, and looks by a client whether everything is there. */
export async function checkServer(path: string, expected: Expected): Promise<Verdict> {
  let server: ServerProcess;
  try {
    server = await ServerProcess.start(`--db=sqlite:${path}`, "--log-level=warn");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { lost: expected.acknowledged.length, flaws: [why] };
  }
  await using _ = server;
  const found = new Map<string, Found[]>();
  // Without an acknowledged message an account may not be there.
  const people = expected.acknowledged.length === 0 ? [] : expected.people;
  for (const { id, password } of people) {
    await using wire = await server.connect();
    const ack = await wire.ask({ msgid: Msg.LOGIN, v: 2, id, password }, Msg.LOGIN_ACK);
    if (ack.errno !== 0) {
      return { lost: expected.acknowledged.length, flaws: [`user ${id} cannot log in: ${ack.errmsg}`] };
    }
    for (const { conv } of ack.conversations as { conv: string }[]) {
      if (!found.has(conv)) found.set(conv, await readAll(wire, conv));
    }
  }
  const { code, log } = await server.end("SIGTERM");
  const verdict = compare([...found.values()].flat(), expected);
  const ended = code === 0 ? [] : [`the server ended with exit code ${code}`];
  const said = log === "" ? [] : [`the server logged: ${log.trim()}`];
  return { lost: verdict.lost, flaws: [...verdict.flaws, ...ended, ...said] };
}

async function readAll(wire: Wire, conv: string): Promise<Found[]> {
  const found: Found[] = [];
  for (let after = 0, more = true; more;) {
    const page = await wire.ask({ msgid: Msg.HISTORY, conv, after, limit: PAGE }, Msg.HISTORY_ACK);
    for (const { seq, mid, id, msg } of page.messages) {
      found.push({ conv, seq, mid: mid ?? null, sender: id, text: msg });
      after = seq;
    }
    more = page.more;
  }
  return found;
}
