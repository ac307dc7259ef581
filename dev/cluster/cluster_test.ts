import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { Wire } from "../e2e/wire.ts";
import { freePort, haveServices } from "../services.ts";
import { isFree } from "../services/port.ts";
import { within } from "../services/process.ts";

const PROGRAM = new URL("../cluster.ts", import.meta.url).pathname;
const SECRET = "a long secret";

const have = await haveServices();
const needsServers = { ignore: !have.ok };

/** `deno task cluster` as a process, with all that it prints. */
class ClusterProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<unknown>;
  stdout = "";
  stderr = "";

  constructor(args: readonly string[], env: Record<string, string> = {}) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", PROGRAM, ...args],
      env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#reading = Promise.all([
      this.#read(this.#child.stdout, (text) => this.stdout += text),
      this.#read(this.#child.stderr, (text) => this.stderr += text),
    ]);
  }

  async sees(text: string): Promise<void> {
    const seen = await within(20_000, () => this.stdout.includes(text));
    assert(seen, `no "${text}" in:\n${this.stdout}\n${this.stderr}`);
  }

  /** The pids that it printed, by name. */
  pids(): Map<string, number> {
    const rows = this.stdout.matchAll(/^(\S.*?) +127\.0\.0\.1:\d+ +pid (\d+)$/gm);
    return new Map([...rows].map(([, name, pid]) => [name!, Number(pid)]));
  }

  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits until it has ended by itself; its exit code. */
  async end(): Promise<number> {
    const { code } = await this.#child.status;
    await this.#reading;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.signal("SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.end();
  }

  async #read(stream: ReadableStream<Uint8Array>, add: (text: string) => void): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) add(text);
  }
}

/** Flags for ports that are free: nginx's, and those of two nodes. */
function freePorts() {
  const port = freePort();
  let first = freePort();
  while ([first, first + 2].some((node) => node === port || !isFree(node))) first = freePort();
  return { port, first, flags: [`--port=${port}`, `--first-port=${first}`] };
}

/** Logs in as a user of this name, who is registered first unless known from before. */
async function user(port: number, name: string, known?: "known") {
  const wire = await Wire.connect(port);
  if (!known) assertEquals((await wire.ask({ msgid: 4, v: 2, name, password: SECRET }, 5)).errno, 0);
  const { errno, id } = await wire.ask({ msgid: 1, v: 2, name, password: SECRET }, 2);
  assertEquals(errno, 0);
  return { wire, id };
}

async function assertGone(ports: readonly number[], pids: Iterable<number>) {
  for (const port of ports) {
    await assertRejects(() => Deno.connect({ hostname: "127.0.0.1", port }), Deno.errors.ConnectionRefused);
  }
  for (const pid of pids) assertThrows(() => Deno.kill(pid, "SIGCONT"), Deno.errors.NotFound);
}

Deno.test(
  "cluster: people chat through nginx, a dead node is told of, and Ctrl-C takes all down",
  needsServers,
  async () => {
    const { port, first, flags } = freePorts();
    await using cluster = new ClusterProcess(flags);
    await cluster.sees("The cluster is up");
    await cluster.sees(`deno task client 127.0.0.1 ${port}\n`);
    await cluster.sees(`node ${first + 2} | listening on 127.0.0.1:${first + 2}\n`);
    const pids = cluster.pids();
    assertEquals([...pids.keys()], ["nginx", "Redis", "MariaDB", `node ${first}`, `node ${first + 2}`]);
    {
      const [ann, bob] = await Promise.all([user(port, "ann"), user(port, "bob")]);
      await using _ann = ann.wire, _bob = bob.wire;
      await ann.wire.ask({ msgid: 6, toid: bob.id, msg: "hello 你好", mid: "m1" }, 12);
      assertEquals((await bob.wire.next(6)).msg, "hello 你好");
      await bob.wire.ask({ msgid: 6, toid: ann.id, msg: "hello back", mid: "m1" }, 12);
      assertEquals((await ann.wire.next(6)).msg, "hello back");
    }
    Deno.kill(pids.get(`node ${first}`)!, "SIGKILL");
    await cluster.sees(`node ${first} (pid ${pids.get(`node ${first}`)}) ended: SIGKILL`);
    await cluster.sees(`--port=${first} --db=mysql://chat:secret@127.0.0.1:`);
    Deno.kill(pids.get(`node ${first + 2}`)!, "SIGSTOP"); // stopped cleanly although frozen
    cluster.signal("SIGINT");
    cluster.signal("SIGINT"); // as `deno task` passes it on, and no second Ctrl-C
    assertEquals(await cluster.end(), 0);
    assertStringIncludes(cluster.stdout, `node ${first + 2} | `);
    assert(/info {2}stopped\n/.test(cluster.stdout), cluster.stdout);
    assertEquals(cluster.stderr, "");
    await assertGone([port, first, first + 2], pids.values());
  },
);

Deno.test(
  "cluster: --keep goes on with what was there, for one cluster at a time",
  needsServers,
  async () => {
    const folder = await Deno.makeTempDir();
    const keep = `--keep=${folder}/some/folder`;
    let id: number;
    {
      const { port, flags } = freePorts();
      await using cluster = new ClusterProcess([...flags, keep, "--nodes=1"]);
      await cluster.sees("The cluster is up");
      assertStringIncludes(cluster.stdout, `what was written stays in ${folder}/some/folder`);
      const ann = await user(port, "ann");
      await using wire = ann.wire;
      id = ann.id;
      await wire.ask({ msgid: 6, toid: id, msg: "a note", mid: "m1" }, 12);

      await using other = new ClusterProcess([...freePorts().flags, keep]);
      assertEquals(await other.end(), 1);
      assertEquals(other.stderr, `cluster: ${folder}/some/folder is in use by another cluster\n`);
      cluster.signal("SIGTERM");
      assertEquals(await cluster.end(), 0);
    }
    {
      const { port, flags } = freePorts();
      await using cluster = new ClusterProcess([...flags, keep]);
      await cluster.sees("The cluster is up");
      const ann = await user(port, "ann", "known");
      await using wire = ann.wire;
      assertEquals(ann.id, id);
      const { messages } = await wire.ask({ msgid: 20, conv: `u${id}-${id}`, limit: 10 }, 21);
      assertEquals(messages.map(({ msg }: { msg: string }) => msg), ["a note"]);
      const pids = cluster.pids();
      cluster.signal("SIGINT");
      await cluster.sees("stopping");
      await new Promise((resolve) => setTimeout(resolve, 300));
      try {
        cluster.signal("SIGINT"); // the second Ctrl-C, if it is not over by now
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
      }
      assertEquals(await cluster.end(), 0);
      await assertGone([port], pids.values());
    }
    await Deno.remove(folder, { recursive: true });
  },
);

Deno.test(
  "cluster: what keeps it from starting is one sentence, and nothing is left",
  needsServers,
  async () => {
    const { port, first, flags } = freePorts();
    {
      using _taken = Deno.listen({ hostname: "127.0.0.1", port: first + 2 });
      await using cluster = new ClusterProcess(flags);
      assertEquals(await cluster.end(), 1);
      assertEquals(
        cluster.stderr,
        `cluster: port ${first + 2} is in use: end what listens there, or choose another by --first-port\n`,
      );
      assertEquals(cluster.stdout, "");
    }
    await using cluster = new ClusterProcess(flags, { CHAT_LOG_LEVEL: "loud" });
    assertEquals(await cluster.end(), 1);
    assertStringIncludes(cluster.stdout, `node ${first} | chat-server: CHAT_LOG_LEVEL must be`);
    assertEquals(
      cluster.stderr,
      `cluster: node ${first} ended before it was listening (exit code 2); see what it said above\n`,
    );
    await assertGone([port, first, first + 2], []);
  },
);

Deno.test("cluster: Ctrl-C while it starts ends it", needsServers, async () => {
  const { port, first, flags } = freePorts();
  await using cluster = new ClusterProcess(flags);
  await cluster.sees("starting 2 nodes");
  cluster.signal("SIGINT");
  assertEquals(await cluster.end(), 0);
  assertEquals(cluster.stderr, "");
  await assertGone([port, first, first + 2], []);
});

Deno.test("cluster: --help, and wrong flags", async () => {
  await using help = new ClusterProcess(["--help"]);
  await using wrong = new ClusterProcess(["--nodes=17"]);
  assertEquals(await help.end(), 0);
  assertStringIncludes(help.stdout, "--keep DIR");
  assertEquals(await wrong.end(), 2);
  assertEquals(wrong.stderr, "cluster: --nodes must be a number from 1 to 16; see --help\n");
  assertEquals(wrong.stdout, "");
});
