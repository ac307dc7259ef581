/**
 * A reader that stalls among 200 active ones: what it costs the server in memory, what it costs the others in delay,
 * and whether it gets everything when it reads again. `deno run -A dev/bench/stalled.ts`
 */
import { join, type User } from "../e2e/harness.ts";
import { ServerProcess } from "../e2e/server_process.ts";

const PAIRS = 100;
const SECONDS = 8;
/** Messages of 20 kB to the one reader, and how many of them. */
const TEXT = "z".repeat(20_000);
const TO_READER = 1000;
const print = (line: string) => void Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));

function rss(pid: number): number {
  return Number(Deno.readTextFileSync(`/proc/${pid}/status`).match(/VmRSS:\s+(\d+)/)?.[1]) / 1024;
}

/** Everybody talks for a while; the delays from sending to delivery, ms, sorted. */
async function talk(pairs: readonly (readonly [User, User])[], run: string): Promise<number[]> {
  const delays: number[] = [];
  const until = Date.now() + SECONDS * 1000;
  await Promise.all(pairs.map(async ([from, to]) => {
    for (let i = 0; Date.now() < until; i++) {
      const began = performance.now();
      const arrived = to.wire.next(6);
      await from.wire.ask({ msgid: 6, toid: to.id, msg: "hello", mid: `${run}-${i}` }, 12);
      await arrived;
      delays.push(performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }));
  return delays.sort((a, b) => a - b);
}

const folder = await Deno.makeTempDir();
const server = await ServerProcess.start(`--db=sqlite:${folder}/chat.db`, "--log-level=warn");
const users: User[] = [];
for (let i = 0; i < 2 * PAIRS; i++) users.push(await join(server, `user ${i}`));
const pairs = Array.from({ length: PAIRS }, (_, i) => [users[2 * i]!, users[2 * i + 1]!] as const);
const writer = await join(server, "writer");
const reader = await join(server, "reader");
await talk(pairs, "warm-up");
for (const stalls of [false, true]) {
  const before = rss(server.pid);
  const resume = stalls ? reader.wire.pause() : () => {};
  let sent = 0;
  const writing = (async () => {
    for (; sent < TO_READER; sent++) {
      await writer.wire.ask({ msgid: 6, toid: reader.id, msg: TEXT, mid: `${stalls}-${sent}` }, 12);
      if (!stalls) await reader.wire.next(6);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  })();
  const delays = await talk(pairs, `${stalls}`);
  await writing;
  const at = (share: number) => delays[Math.floor(delays.length * share)]!.toFixed(1);
  print(
    `${stalls ? "with a reader that stalls" : "everybody reads"}: ${delays.length} messages, p50 ${
      at(0.5)
    } ms, ` +
      `p99 ${at(0.99)} ms; ${TO_READER} × 20 kB to the reader; server ${before.toFixed(0)} → ${
        rss(server.pid).toFixed(0)
      } MB`,
  );
  resume();
  if (stalls) {
    for (let i = 1; i <= TO_READER; i++) {
      const { seq } = await reader.wire.next(6);
      if (seq !== TO_READER + i) throw new Error(`expected ${TO_READER + i}, got ${seq}`);
    }
    print(`it reads again and gets all ${TO_READER}, once and in order`);
  }
}
for (const { wire } of [...users, writer, reader]) wire.close();
await server.end("SIGTERM");
await Deno.remove(folder, { recursive: true });
Deno.exit(0);
