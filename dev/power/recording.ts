import { serverCommand, ServerProcess } from "../e2e/server_process.ts";
import { Random } from "../faults/random.ts";
import { Disk } from "./disk.ts";
import { type Event, eventsOf } from "./events.ts";
import { load, type Person } from "./load.ts";
import { needStrace, straceCommand, StraceParser } from "./strace.ts";

export const DURABILITIES = ["full", "normal"] as const;
export type Durability = (typeof DURABILITIES)[number];

/** The name of the database in the folder of the server's data. */
export const DATABASE = "chat.db";

/** A server's run, with everything that it did to its files and told its clients. */
export interface Recording {
  readonly durability: Durability;
  /** Where the files were. */
  readonly data: string;
  readonly people: readonly Person[];
  readonly group: number;
  readonly events: readonly Event[];
}

/** What is known of a recording beside the system calls. */
type About = Omit<Recording, "events">;

export interface RecordOptions {
  readonly durability: Durability;
  readonly random: Random;
  /** Characters of messages to be sent. */
  readonly size: number;
  readonly progress: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Runs a server under load and records it, in a folder that is empty. At the end the server is asked to stop, so that
 * the last part is what it does then. @throws {StraceMissing}
 */
export async function record(folder: string, options: RecordOptions): Promise<Recording> {
  await needStrace();
  const { durability } = options;
  const data = `${await Deno.realPath(folder)}/data`;
  await Deno.mkdir(data);
  await unpack();
  const about: About = { durability, data, ...await run(folder, { ...options, data }) };
  await Deno.writeTextFile(`${folder}/about.json`, JSON.stringify(about));
  return await readRecording(folder);
}

/** Reads what {@linkcode record} wrote. @throws {NotUnderstood} */
export async function readRecording(folder: string): Promise<Recording> {
  const about: About = JSON.parse(await Deno.readTextFile(`${folder}/about.json`));
  const steps = StraceParser.read(await Deno.readFile(`${folder}/calls`));
  const events = eventsOf(steps, about.data);
  await compare(events, `${folder}/data`);
  return { ...about, events };
}

async function run(folder: string, options: RecordOptions & { data: string }) {
  const { durability, data, random, size, progress, signal } = options;
  await using server = await ServerProcess.startUnder(
    straceCommand(`${folder}/calls`),
    `--db=sqlite:${data}/${DATABASE}`,
    `--durability=${durability}`,
    "--log-level=warn",
  );
  const loaded = await load(server.port, {
    ...{ random, size, signal },
    progress: (acknowledged) => {
      if (acknowledged % 500 === 0) progress(`recording: ${acknowledged} messages acknowledged`);
    },
  });
  // Until strace has gone, too: it holds the same standard output.
  const { code, log } = await server.end("SIGTERM");
  if (code !== 0) throw new Error(`the server ended with exit code ${code}: ${log}`);
  return loaded;
}

/** An executable unpacks itself at its first start: that does not belong in a recording. */
async function unpack(): Promise<void> {
  const { command, args } = serverCommand(["--version"]);
  await new Deno.Command(command, { args, stdin: "null", stdout: "null", stderr: "null" }).output();
}

/**
 * Compares the files as the recorded calls make them with the files that are there. If they differ, a call was missed
 * or misunderstood, and no result would be worth anything.
 */
async function compare(events: readonly Event[], folder: string): Promise<void> {
  const disk = new Disk();
  for (const event of events) {
    if (event.kind === "begin") disk.begin(event.operation);
  }
  const found = new Map<string, Uint8Array>();
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith("-shm")) found.set(name, await Deno.readFile(`${folder}/${name}`));
  }
  const replayed = new Map(
    [...disk.files()].map(([path, bytes]) => [path.slice(path.lastIndexOf("/") + 1), bytes]),
  );
  for (const name of new Set([...found.keys(), ...replayed.keys()])) {
    const [real, ours] = [found.get(name), replayed.get(name)];
    const same = real !== undefined && ours !== undefined && real.length === ours.length &&
      real.every((byte, i) => byte === ours[i]);
    if (!same) {
      throw new Error(
        `${name} is ${
          real?.length ?? "not there, but"
        } bytes long and differs from what the recorded system calls ` +
          `make of it (${ours?.length ?? "no"} bytes): the recording lacks calls, so it cannot be used`,
      );
    }
  }
}
