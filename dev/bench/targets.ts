import { startMariaDb, startRedis } from "../services.ts";

const utf8 = new TextEncoder();
const pathOf = (file: string) => new URL(file, import.meta.url).pathname;

/** Something that is measured. */
export interface Target extends AsyncDisposable {
  readonly name: string;
  /** Where senders connect, and where receivers do. */
  readonly ports: readonly [number, number];
  /** Whether it acknowledges messages. */
  readonly acknowledged: boolean;
  /** LOGIN frames and ids of users 0, 1, 2, … */
  login(user: number): object;
  idOf(user: number): number;
  /** Resident memory of its processes, MB. */
  rss(): number;
}

interface Running extends AsyncDisposable {
  readonly port: number;
  rss(): number;
}

/** The floor: {@link file://./relay.ts}. */
export async function startRelay(): Promise<Target> {
  const relay = await spawn(["run", "-A", pathOf("relay.ts")]);
  return {
    name: "bare relay",
    ports: [relay.port, relay.port],
    acknowledged: false,
    login: (user) => ({ msgid: 1, id: user + 1 }),
    idOf: (user) => user + 1,
    rss: relay.rss,
    [Symbol.asyncDispose]: () => relay[Symbol.asyncDispose](),
  };
}

/** One node on the embedded store. */
export async function startEmbedded(users: number, say: (line: string) => void): Promise<Target> {
  const folder = await Deno.makeTempDir();
  const began = performance.now();
  const server = await startServer([`--db=sqlite:${folder}/chat.db`]);
  const listening = performance.now();
  await firstMessage(server.port);
  say(
    `start to listening ${(listening - began).toFixed(0)} ms, listening to first message ` +
      `${(performance.now() - listening).toFixed(0)} ms, ${server.rss().toFixed(0)} MB resident`,
  );
  return {
    ...await withUsers(server.port, users),
    name: "SQLite",
    ports: [server.port, server.port],
    rss: server.rss,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** Two nodes on MariaDB and Redis: everybody on the first one, or senders on the first and receivers on the second. */
export async function startCluster(users: number): Promise<readonly [Target, Target]> {
  const [db, redis] = await Promise.all([startMariaDb({ bufferPoolSize: "512M" }), startRedis()]);
  const flags = [`--db=${db.url}`, `--redis=${redis.url}`];
  const one = await startServer(flags);
  const two = await startServer(flags);
  const known = await withUsers(one.port, users);
  const rss = () => one.rss() + two.rss();
  let open = 2;
  const dispose = async () => {
    if (--open > 0) return;
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
    await db[Symbol.asyncDispose]();
  };
  return [
    { ...known, name: "MariaDB", ports: [one.port, one.port], rss, [Symbol.asyncDispose]: dispose },
    {
      ...known,
      name: "MariaDB + Redis, two nodes",
      ports: [one.port, two.port],
      rss,
      [Symbol.asyncDispose]: dispose,
    },
  ];
}

function startServer(flags: readonly string[]): Promise<Running> {
  const args = [
    "run",
    "-A",
    pathOf("../../main.ts"),
    "--port=0",
    "--password-cost=10",
    "--log-level=warn",
    ...flags,
  ];
  return spawn(args);
}

/** Starts a program and waits until it listens. */
async function spawn(args: string[]): Promise<Running> {
  const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "inherit", stdin: "null" })
    .spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const line = (await lines.read()).value ?? "";
  const port = Number(line.match(/:(\d+)\n/)?.[1]);
  if (!port) throw new Error(`it did not start: ${args.join(" ")} ${line}`);
  return {
    port,
    rss: () => {
      const status = Deno.readTextFileSync(`/proc/${child.pid}/status`);
      return Number(status.match(/VmRSS:\s+(\d+)/)?.[1]) / 1024;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await lines.cancel();
    },
  };
}

/** Registers users, and gives how they log in. */
async function withUsers(port: number, users: number) {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const lines = conn.readable.pipeThrough(new TextDecoderStream()).getReader();
  const writer = conn.writable.getWriter();
  let rest = "";
  const ask = async (frame: object, msgid: number) => {
    await writer.write(utf8.encode(JSON.stringify(frame) + "\n"));
    while (true) {
      for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
        const answer = JSON.parse(rest.slice(0, end));
        rest = rest.slice(end + 1);
        if (answer.msgid === msgid) return answer;
      }
      rest += (await lines.read()).value ?? "";
    }
  };
  const known: { id: number; token: string }[] = [];
  for (let i = 0; i < users; i++) {
    const { id } = await ask({ msgid: 4, name: `user ${i}`, password: "p" }, 5);
    const { token } = await ask({ msgid: 1, v: 2, id, password: "p" }, 2);
    await ask({ msgid: 3 }, 17);
    known.push({ id, token });
  }
  await writer.close();
  await lines.cancel();
  return {
    acknowledged: true,
    login: (user: number) => ({ msgid: 1, v: 2, token: known[user]!.token, takeover: true }),
    idOf: (user: number) => known[user]!.id,
  };
}

/** Registers, logs in, and sends oneself a message. */
async function firstMessage(port: number): Promise<void> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const frames = [
    { msgid: 4, name: "first", password: "first" },
    { msgid: 1, v: 2, id: 1, password: "first" },
    { msgid: 6, toid: 1, msg: "hello", mid: "1" },
  ];
  await conn.write(utf8.encode(frames.map((frame) => JSON.stringify(frame)).join("\n")));
  const buffer = new Uint8Array(4096);
  let text = "";
  while (!text.includes('"msgid":12')) {
    text += new TextDecoder().decode(buffer.subarray(0, (await conn.read(buffer))!));
  }
  conn.close();
}
