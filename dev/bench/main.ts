import { parseArgs } from "@std/cli/parse-args";
import type { LoadFigures, LoadSettings } from "./load.ts";

const utf8 = new TextEncoder();
const print = (text: string) => void Deno.stdout.writeSync(utf8.encode(text + "\n"));
const pathOf = (file: string) => new URL(file, import.meta.url).pathname;

const HELP =
  `Measures messages per second on this machine: pairs of clients in a closed loop against the server on its embedded
store, and in the same run against the floor, a bare relay that only parses, looks up and forwards.

usage: deno task bench [--quick] [--repeat N] [--seconds N] [--json FILE]

  --quick       one repetition of one second each
  --repeat N    repetitions, of which the medians are printed (3)
  --seconds N   how long each measures (4)
  --json FILE   write the figures of every repetition
`;

/** How many pairs, and how many messages each has under way. */
const LOADS = [{ pairs: 1, inFlight: 1 }, { pairs: 100, inFlight: 1 }, { pairs: 300, inFlight: 4 }];

interface Target extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
  readonly acknowledged: boolean;
  /** LOGIN frames for users 1, 2, … */
  login(user: number): object;
  rss(): number;
}

/** Starts a program and waits until it listens. */
async function spawn(name: string, args: string[]) {
  const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "inherit", stdin: "null" })
    .spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const line = (await lines.read()).value ?? "";
  const port = Number(line.match(/:(\d+)\n/)?.[1]);
  if (!port) throw new Error(`${name} did not start: ${line}`);
  return {
    name,
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

async function startRelay(): Promise<Target> {
  const relay = await spawn("bare relay", ["run", "-A", pathOf("relay.ts")]);
  return { ...relay, acknowledged: false, login: (id) => ({ msgid: 1, id }) };
}

async function startServer(folder: string, users: number): Promise<Target> {
  const began = performance.now();
  const server = await spawn("chat-server, SQLite", [
    "run",
    "-A",
    pathOf("../../main.ts"),
    "--port=0",
    `--db=sqlite:${folder}/chat.db`,
    "--password-cost=10",
    "--log-level=warn",
  ]);
  const listening = performance.now();
  await firstMessage(server.port);
  print(
    `start to listening ${(listening - began).toFixed(0)} ms, listening to first message ` +
      `${(performance.now() - listening).toFixed(0)} ms, ${server.rss().toFixed(0)} MB resident`,
  );
  const tokens = await register(server.port, users);
  return { ...server, acknowledged: true, login: (user) => ({ msgid: 1, v: 2, token: tokens[user - 1] }) };
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

/** Registers users 2, 3, … and gives a token for each. */
async function register(port: number, users: number): Promise<string[]> {
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
  const tokens: string[] = [];
  for (let i = 0; i < users; i++) {
    const { id } = await ask({ msgid: 4, name: `user ${i}`, password: "p" }, 5);
    tokens.push((await ask({ msgid: 1, v: 2, id, password: "p" }, 2)).token);
    await ask({ msgid: 3 }, 17);
  }
  await writer.close();
  await lines.cancel();
  return tokens;
}

async function measure(
  target: Target,
  load: (typeof LOADS)[number],
  times: { folder: string; seconds: number },
) {
  const users = Array.from({ length: load.pairs }, (_, i) => [2 * i + 1, 2 * i + 2] as const);
  // The server's first user was "first", so its n-th has the id n + 1; the relay's have their own numbers.
  const idOf = (user: number) => target.acknowledged ? user + 1 : user;
  const settings: LoadSettings = {
    ports: [target.port, target.port],
    logins: users.map(([from, to]) => [target.login(from), target.login(to)]),
    receivers: users.map(([, to]) => idOf(to)),
    inFlight: load.inFlight,
    acknowledged: target.acknowledged,
    warmUpMs: 1000 * Math.min(1, times.seconds),
    measureMs: 1000 * times.seconds,
  };
  const file = `${times.folder}/load.json`;
  await Deno.writeTextFile(file, JSON.stringify(settings));
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", pathOf("load.ts"), file],
    stderr: "inherit",
  });
  const { code, stdout } = await command.output();
  if (code !== 0) throw new Error(`the load failed on ${target.name}`);
  return JSON.parse(new TextDecoder().decode(stdout)) as LoadFigures;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

async function main(): Promise<void> {
  const flags: Record<string, unknown> = parseArgs(Deno.args, {
    boolean: ["quick", "help"],
    string: ["repeat", "seconds", "json"],
  });
  if (flags.help === true) return print(HELP);
  const repeat = Number(flags.repeat ?? (flags.quick === true ? 1 : 3));
  const seconds = Number(flags.seconds ?? (flags.quick === true ? 1 : 4));
  const folder = await Deno.makeTempDir();
  const results: Record<string, unknown>[] = [];
  try {
    await using relay = await startRelay();
    await using server = await startServer(folder, 600);
    print(
      `${repeat} × ${seconds} s each, medians; ${navigator.hardwareConcurrency} processors, Deno ${Deno.version.deno}\n`,
    );
    print("pairs × in flight   target                 messages/s   ratio   p50 ms   p99 ms   load busy");
    for (const load of LOADS) {
      const runs: { target: Target; figures: LoadFigures[] }[] = [
        { target: relay, figures: [] },
        { target: server, figures: [] },
      ];
      for (let i = 0; i < repeat; i++) {
        for (const { target, figures } of runs) {
          figures.push(await measure(target, load, { folder, seconds }));
        }
      }
      const floor = median(runs[0]!.figures.map((run) => run.perSecond));
      for (const { target, figures } of runs) {
        const of = (key: keyof LoadFigures) => median(figures.map((run) => run[key]));
        print([
          `${load.pairs} × ${load.inFlight}`.padEnd(19),
          target.name.padEnd(22),
          of("perSecond").toFixed(0).padStart(10),
          (of("perSecond") / floor).toFixed(2).padStart(7),
          of("p50").toFixed(2).padStart(8),
          of("p99").toFixed(2).padStart(8),
          of("busy").toFixed(2).padStart(11),
        ].join(" "));
        results.push({ ...load, target: target.name, runs: figures });
      }
    }
    print(`\nserver after the load: ${server.rss().toFixed(0)} MB resident`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  if (typeof flags.json === "string") {
    await Deno.writeTextFile(flags.json, JSON.stringify(results, undefined, 2) + "\n");
  }
}

await main();
