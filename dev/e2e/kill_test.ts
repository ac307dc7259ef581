import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { register } from "./harness.ts";
import { ServerProcess } from "./server_process.ts";
import { Wire } from "./wire.ts";

const ROUNDS = Number(Deno.env.get("KILL_ROUNDS") ?? 20);
const SAY_EVERY = 50;
const WRITERS = 8;
const IN_FLIGHT = 16;

const say = (line: string) => void Deno.stderr.writeSync(new TextEncoder().encode(`${line}\n`));

interface Acknowledged {
  readonly sender: number;
  readonly mid: string;
  readonly conv: string;
  readonly seq: number;
}

Deno.test(`I1, I2, I3: kill -9 under load, ${ROUNDS} rounds, loses nothing that was acknowledged`, async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/chat.db`;
  const acknowledged: Acknowledged[] = [];
  const ids: number[] = [];
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const server = await ServerProcess.start(`--db=sqlite:${path}`, "--log-level=error");
      if (round === 0) { for (let i = 0; i < WRITERS; i++) ids.push(await register(server, `user ${i}`)); }
      const writers = await Promise.all(ids.map((id) => Writer.start(server.port, { id, ids, round })));
      const before = acknowledged.length;
      const running = Promise.all(writers.map((writer) => writer.run(acknowledged)));
      // Some rounds die in the first commits, others in the middle of the stream.
      const until = before + Math.floor(Math.random() * 1000);
      while (acknowledged.length < until) await new Promise((resolve) => setTimeout(resolve, 1));
      const { log } = await server.end("SIGKILL");
      assertEquals(log, "");
      await running;
      check(path, acknowledged);
      // Whoever asked for many wants to know, and a run that says nothing counts as one that hangs.
      if ((round + 1) % SAY_EVERY === 0) say(`${round + 1} rounds, ${acknowledged.length} acknowledged`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** Sends to the others without pause until the connection breaks; resends what was not acknowledged a round ago. */
class Writer {
  readonly #wire: Wire;
  readonly #id: number;
  readonly #ids: readonly number[];
  readonly #round: number;

  private constructor(wire: Wire, options: { id: number; ids: readonly number[]; round: number }) {
    this.#wire = wire;
    this.#id = options.id;
    this.#ids = options.ids;
    this.#round = options.round;
  }

  static async start(port: number, options: { id: number; ids: readonly number[]; round: number }) {
    const wire = await Wire.connect(port);
    const name = `pw user ${options.ids.indexOf(options.id)}`;
    assertEquals((await wire.ask({ msgid: 1, v: 2, id: options.id, password: name }, 2)).errno, 0);
    return new Writer(wire, options);
  }

  async run(acknowledged: Acknowledged[]): Promise<void> {
    try {
      let sent = 0;
      // The last mids of the round before come again: some were stored, some not, each once in the end.
      for (let i = 0; i < IN_FLIGHT && this.#round > 0; i++) await this.#send(this.#round - 1, 100_000 + i);
      for (let i = 0; i < IN_FLIGHT; i++) await this.#send(this.#round, i < 8 ? 100_000 + sent++ : sent++);
      while (true) {
        const { mid, conv, seq } = await this.#wire.next(12);
        acknowledged.push({ sender: this.#id, mid, conv, seq });
        await this.#send(this.#round, sent++);
      }
    } catch (error) {
      // The server was killed: that is how every round ends.
      const broken = error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset;
      if (!this.#wire.closed && !broken) throw error;
    } finally {
      await this.#wire[Symbol.asyncDispose]();
    }
  }

  async #send(round: number, n: number): Promise<void> {
    const toid = this.#ids[n % this.#ids.length];
    await this.#wire.send({ msgid: 6, toid, msg: `${round} ${n}`, mid: `${round}-${n}` });
  }
}

function check(path: string, acknowledged: readonly Acknowledged[]): void {
  using db = new DatabaseSync(path);
  const stored = new Set<string>();
  for (
    const { sender, mid, conv, seq } of db.prepare("SELECT sender, mid, conv, seq FROM message").iterate()
  ) {
    stored.add(`${sender} ${mid} ${conv} ${seq}`);
  }
  const missing = acknowledged.filter(({ sender, mid, conv, seq }) =>
    !stored.has(`${sender} ${mid} ${conv} ${seq}`)
  );
  const count = (sql: string) => Number(db.prepare(sql).get()?.n);
  assertEquals({
    missing: missing.length,
    holes: count(`SELECT count(*) AS n FROM (SELECT conversation.conv FROM conversation
      LEFT JOIN message ON message.conv = conversation.conv GROUP BY conversation.conv
      HAVING count(message.seq) <> conversation.seq OR coalesce(max(message.seq), 0) <> conversation.seq
        OR coalesce(min(message.seq), 1) <> 1)`),
    duplicates: count(
      "SELECT count(*) AS n FROM (SELECT 1 FROM message GROUP BY sender, mid HAVING count(*) > 1)",
    ),
    damaged: db.prepare("PRAGMA quick_check").get()?.quick_check === "ok" ? 0 : 1,
  }, { missing: 0, holes: 0, duplicates: 0, damaged: 0 });
}
