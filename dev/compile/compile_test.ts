import { assert, assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { build } from "./build.ts";
import type { Program } from "./programs.ts";

const STAND_IN: Program = {
  name: "stand-in",
  entry: fileURLToPath(new URL("stand_in.ts", import.meta.url)),
  permissions: ["--allow-env", "--allow-read=."],
};

/** What the stand-in prints about itself. */
interface About {
  args: string[];
  pid: number;
  cwd: string;
  env: string[];
}

/** A built stand-in, and a folder for the test's own use. */
interface Fixture {
  readonly file: string;
  readonly folder: string;
}

interface StartOptions {
  readonly args?: string[];
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  readonly stdin?: "piped" | "null";
}

/** Starts it in an environment that holds nothing but what is given. */
function start(file: string, options: StartOptions): Deno.ChildProcess {
  return new Deno.Command(file, {
    args: options.args ?? [],
    clearEnv: true,
    env: { PATH: Deno.env.get("PATH") ?? "", ...options.env },
    stdin: options.stdin ?? "null",
    stdout: "piped",
    stderr: "piped",
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  }).spawn();
}

async function run(file: string, options: StartOptions) {
  const { code, stdout, stderr } = await start(file, options).output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

async function about(file: string, options: StartOptions): Promise<About> {
  const { code, out, err } = await run(file, options);
  assertEquals({ code, err }, { code: 0, err: "" });
  return JSON.parse(out);
}

/** Names of all that the cache holds, relative to it. */
async function listing(cache: string): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(cache)) names.push(entry.name);
  return names.sort();
}

Deno.test("self-extracting executables", async (t) => {
  const top = await Deno.makeTempDir({ prefix: "chat-compile-test-" });
  try {
    const work = `${top}/work`;
    await Deno.mkdir(work);
    const output = `${top}/with space`;
    const other: Program = { ...STAND_IN, name: "other", permissions: [] };
    const [file = "", otherFile = ""] = await build([STAND_IN, other], {
      output,
      work,
      method: "bundle",
      level: 1,
      report: () => {},
    });
    const warm = { HOME: `${top}/home` };
    await run(file, { env: warm });

    const step = async (name: string, body: (fixture: Fixture) => Promise<void>) => {
      await t.step(name, async () => {
        const folder = await Deno.makeTempDir({ dir: top });
        try {
          await body({ file, folder });
        } finally {
          await Deno.remove(folder, { recursive: true });
        }
      });
    };

    await step("arguments arrive as they were given", async ({ file }) => {
      const args = ["--help", "-A", "--", "a  b", "", "'\"$HOME`", "two\nlines", "*"];
      assertEquals((await about(file, { args, env: warm })).args, args);
    });

    await step("standard input is the program's", async ({ file }) => {
      const child = start(file, { args: ["cat"], env: warm, stdin: "piped" });
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode("one\ntwo"));
      await writer.close();
      assertEquals(new TextDecoder().decode((await child.output()).stdout), "one\ntwo");
    });

    await step("the exit code is the program's", async ({ file }) => {
      assertEquals((await run(file, { args: ["exit", "42"], env: warm })).code, 42);
    });

    await step("the process is the one that was started, and gets its signals", async ({ file }) => {
      const child = start(file, { args: ["wait"], env: warm });
      const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
      assertEquals(Number((await reader.read()).value), child.pid);
      child.kill("SIGTERM");
      assertEquals((await reader.read()).value, "stopping\n");
      assertEquals((await child.status).code, 7);
      await reader.cancel();
      await child.stderr.cancel();
    });

    await step("permissions are those it was built with", async ({ file }) => {
      const { code, err } = await run(file, { args: ["read", "/etc/passwd"], env: warm });
      assertEquals(code, 1);
      assertMatch(err, /NotCapable/);
    });

    await step("neither the folder nor Deno's variables have a say", async ({ file, folder }) => {
      for (const name of ["deno.json", "package.json", "deno.lock", ".npmrc"]) {
        await Deno.writeTextFile(`${folder}/${name}`, "{broken");
      }
      const env = {
        ...warm,
        DENO_V8_FLAGS: "--no-such-flag",
        NODE_OPTIONS: "--require ./none.js",
        name: "mine",
      };
      const { env: seen } = await about(file, { cwd: folder, env });
      assertEquals(seen.includes("DENO_V8_FLAGS") || seen.includes("NODE_OPTIONS"), false);
    });

    await step("can be started by a link, by PATH and by a relative path", async ({ file, folder }) => {
      await Deno.symlink(file, `${folder}/link`);
      for (const [command, cache] of [["./link", "1"], ["link", "2"]] as const) {
        // By way of a shell, because the lookup is what is tested; each with a first start, which reads the file.
        const env = { XDG_CACHE_HOME: `${folder}/${cache}`, PATH: `${folder}:${Deno.env.get("PATH")}` };
        const cwd = command === "link" ? "/" : folder;
        const { args } = await about("/bin/sh", { args: ["-c", `${command} x`], cwd, env });
        assertEquals(args, ["x"]);
      }
    });

    await step("ten first starts at the same time", async ({ file, folder }) => {
      const starts = Array.from(
        { length: 10 },
        (_, i) => about(file, { args: [`${i}`], env: { HOME: folder } }),
      );
      const seen = await Promise.all(starts);
      assertEquals(seen.map(({ args }) => args), starts.map((_, i) => [`${i}`]));
      const names = await listing(`${folder}/.cache/chat-cluster`);
      assertEquals(names.map((name) => name.replace(/-[0-9a-f]{16}$/, "")), ["runtime", "stand-in"]);
    });

    await step(
      "a killed first start leaves nothing that a later one trips over",
      async ({ file, folder }) => {
        const cache = `${folder}/chat-cluster`;
        const env = { XDG_CACHE_HOME: folder };
        await about(file, { env });
        const [runtime = "", program = ""] = await listing(cache);
        await Deno.remove(`${cache}/${program}`, { recursive: true });
        await Deno.mkdir(`${cache}/${program}`);
        await Deno.writeTextFile(`${cache}/${runtime}`, "");
        await Deno.mkdir(`${cache}/unpack.killed`);
        await Deno.writeTextFile(`${cache}/unpack.killed/runtime`, "half");
        await about(file, { env });

        // Killed at some point of unpacking, wherever that is: what has its final name is whole.
        await Deno.remove(cache, { recursive: true });
        const child = start(file, { env });
        const done = child.output();
        await new Promise((resolve) => setTimeout(resolve, 150));
        child.kill("SIGKILL");
        await done;
        await about(file, { env });
      },
    );

    await step("programs of one build share the runtime", async ({ file, folder }) => {
      const env = { XDG_CACHE_HOME: folder };
      await about(file, { env });
      await run(otherFile, { args: ["exit", "0"], env });
      const names = await listing(`${folder}/chat-cluster`);
      assertEquals(names.length, 3, names.join(" "));
    });

    await step("without a home it unpacks into a private temporary folder", async ({ file, folder }) => {
      for (const home of [{}, { HOME: "/dev/null" }]) {
        await about(file, { env: { ...home, TMPDIR: folder } });
        const place = await Deno.stat(`${folder}/chat-cluster-${Deno.uid()}`);
        assertEquals((place.mode ?? 0) & 0o777, 0o700);
      }
    });

    await step("with nowhere to unpack it says so in one sentence", async ({ file, folder }) => {
      await Deno.symlink(top, `${folder}/chat-cluster-${Deno.uid()}`);
      for (const tmp of ["/dev/null", folder]) {
        const { code, out, err } = await run(file, { env: { HOME: "/dev/null", TMPDIR: tmp } });
        assertEquals({ code, out }, { code: 1, out: "" });
        assertMatch(err, /^stand-in: cannot unpack into [^\n]+\n$/);
      }
    });

    await step("a full disk or a torn file is one sentence, too", async ({ file, folder }) => {
      const torn = `${folder}/torn`;
      await Deno.copyFile(file, torn);
      await Deno.truncate(torn, 1_000_000);
      const env = { HOME: folder, TMPDIR: folder };
      const full = await run("/bin/sh", { args: ["-c", 'ulimit -f 2000; exec "$0"', file], env });
      for (const { code, err } of [full, await run(torn, { env })]) {
        assertEquals(code, 1);
        assertMatch(err, /^stand-in: cannot unpack into [^\n]+\n$/);
      }
      assertEquals(await listing(`${folder}/.cache/chat-cluster`), []);
    });

    assert(!(await listing(output)).some((name) => name.startsWith(".")), "temporary files are left");
  } finally {
    await Deno.remove(top, { recursive: true });
  }
});
