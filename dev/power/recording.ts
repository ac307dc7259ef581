import { Buffer } from "node:buffer";
import { serverCommand, ServerProcess } from "../e2e/server_process.ts";
import { Random } from "../faults/random.ts";
import { Disk, type Operation } from "./disk.ts";
import { type Event, eventsOf } from "./events.ts";
import { load, type Person } from "./load.ts";
import { needStrace, NotUnderstood, straceCommand, StraceParser } from "./strace.ts";

export const DURABILITIES = ["full", "normal"] as const;
export type Durability = (typeof DURABILITIES)[number];

/** The name of the database in the folder of the server's data. */
export const DATABASE = "chat.db";

/** A server's run, with everything that it did to its files and told its clients. */
export interface Recording {
  /** That of its folder. */
  readonly name: string;
  readonly durability: Durability;
  /** Where the files were. */
  readonly data: string;
  readonly people: readonly Person[];
  readonly group: number;
  readonly events: readonly Event[];
}

/** What is known of a recording beside the system calls. */
type About = Omit<Recording, "name" | "events">;

export interface RecordOptions {
  readonly durability: Durability;
  readonly random: Random;
  /** How many are sent. */
  readonly messages: number;
  readonly progress: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Runs a server under load and records it, in a folder that is empty. At the end the server is asked to stop, so that
 * the last part is what it does then. {@linkcode readRecording} reads the result. @throws {StraceMissing}
 */
export async function record(folder: string, options: RecordOptions): Promise<void> {
  await needStrace();
  const { durability, signal } = options;
  const data = `${await Deno.realPath(folder)}/data`;
  await Deno.mkdir(data);
  await unpack();
  try {
    const about: About = { durability, data, ...await run(folder, { ...options, data }) };
    await Deno.writeTextFile(`${folder}/about.json`, JSON.stringify(about));
  } catch (error) {
    // After an interruption nothing else that went wrong matters.
    signal?.throwIfAborted();
    throw error;
  }
}

/** There is no recording where there should be one; the message says so. */
export class RecordingMissing extends Error {
  override readonly name = "RecordingMissing";
}

/** Reads what {@linkcode record} wrote. @throws {NotUnderstood} @throws {RecordingMissing} */
export async function readRecording(folder: string): Promise<Recording> {
  const about = await readAbout(folder);
  const steps = StraceParser.read(await Deno.readFile(`${folder}/calls`));
  const events = eventsOf(steps, about.data);
  await compare(events, `${folder}/data`);
  return { ...about, name: folder.slice(folder.lastIndexOf("/") + 1), events };
}

async function readAbout(folder: string): Promise<About> {
  try {
    return JSON.parse(await Deno.readTextFile(`${folder}/about.json`));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new RecordingMissing(
      `there is no recording in ${folder}: give --moments and --recording as they were printed`,
    );
  }
}

async function run(folder: string, options: RecordOptions & { data: string }) {
  const { durability, data, random, messages, progress, signal } = options;
  await using server = await ServerProcess.startUnder(
    straceCommand(`${folder}/calls`),
    `--db=sqlite:${data}/${DATABASE}`,
    `--durability=${durability}`,
    "--log-level=warn",
  );
  const loaded = await load(server.port, {
    ...{ random, messages, signal },
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
  // A process may end in the middle of a write: it has been carried out, or it has not.
  const returned = new Set(events.flatMap((event) => event.kind === "end" ? [event.operation] : []));
  const candidates = [replay(events, () => true), replay(events, (operation) => returned.has(operation))];
  const found = new Map<string, Uint8Array>();
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith("-shm")) found.set(name, await Deno.readFile(`${folder}/${name}`));
  }
  for (const name of new Set([...found.keys(), ...candidates.flatMap((files) => [...files.keys()])])) {
    if (candidates.some((files) => isSame(found.get(name), files.get(name)))) continue;
    throw new NotUnderstood(
      `the recorded system calls do not make ${name} what it is: strace did not see all of them, or they were not ` +
        "understood",
    );
  }
}

function replay(
  events: readonly Event[],
  wanted: (operation: Operation) => boolean,
): Map<string, Uint8Array> {
  const disk = new Disk();
  for (const event of events) {
    if (event.kind === "begin" && wanted(event.operation)) disk.begin(event.operation);
  }
  return new Map([...disk.files()].map(([path, bytes]) => [path.slice(path.lastIndexOf("/") + 1), bytes]));
}

function isSame(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return Buffer.compare(one, other) === 0;
}
