import { assertEquals } from "@std/assert";
import { type App, startApp } from "../../server/app.ts";
import { type Config, readCommand } from "../../server/config.ts";
import { Logger } from "../../server/ops/logger.ts";
import { Wire, type Wired } from "./wire.ts";

/** A server in this process on a free port, with everything that it logged. */
export class TestServer implements AsyncDisposable {
  readonly #app: App;
  readonly log: string[];

  private constructor(app: App, log: string[]) {
    this.#app = app;
    this.log = log;
  }

  /** Cheap passwords and an empty store in memory, unless flags say otherwise. */
  static async start(...flags: string[]): Promise<TestServer> {
    const log: string[] = [];
    const app = await startApp(
      testConfig(...flags),
      new Logger({ level: "info", write: (line) => log.push(line) }),
    );
    return new TestServer(app, log);
  }

  get port(): number {
    return this.#app.address.port;
  }

  get sessions(): number {
    return this.#app.sessions;
  }

  connect(): Promise<Wire> {
    return Wire.connect(this.port);
  }

  stop(): Promise<void> {
    return this.#app.stop();
  }

  /** Stops, and fails the test if the server logged a defect. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    assertEquals(this.log.filter((line) => line.includes(" defect ")), []);
  }
}

export function testConfig(...flags: string[]): Config {
  const base = { port: "0", db: "sqlite::memory:", "password-cost": "10" };
  const given = new Set(flags.map((flag) => flag.replace(/^--/, "").replace(/=.*/s, "")));
  const defaults = Object.entries(base).filter(([name]) => !given.has(name)).map(([k, v]) => `--${k}=${v}`);
  const command = readCommand([...defaults, ...flags], () => undefined);
  if (command.run !== "serve") throw new TypeError("not a command line that serves");
  return command.config;
}

/** A logged-in user of a test. */
export interface User extends AsyncDisposable {
  readonly id: number;
  readonly name: string;
  readonly password: string;
  readonly wire: Wire;
  /** The LOGIN_ACK. */
  readonly ack: Wired;
}

/** Something that can be connected to. */
export interface Connectable {
  connect(): Promise<Wire>;
}

/** Registers a user and gives its id. */
export async function register(server: Connectable, name: string, password = `pw ${name}`): Promise<number> {
  await using wire = await server.connect();
  const ack = await wire.ask({ msgid: 4, name, password }, 5);
  assertEquals(ack.errno, 0, JSON.stringify(ack));
  return ack.id;
}

/** Logs a registered user in over a new connection; v2 unless `v` is 1. */
export async function logIn(
  server: Connectable,
  who: { id: number; name: string; password?: string; v?: 1 | 2 },
): Promise<User> {
  const { id, name, password = `pw ${name}`, v = 2 } = who;
  const wire = await server.connect();
  const ack = await wire.ask({ msgid: 1, id, password, ...(v === 2 ? { v: 2 } : {}) }, 2);
  assertEquals(ack.errno, 0, JSON.stringify(ack));
  return { id, name, password, wire, ack, [Symbol.asyncDispose]: () => wire[Symbol.asyncDispose]() };
}

/** A new user, logged in. */
export async function join(server: Connectable, name: string, v: 1 | 2 = 2): Promise<User> {
  return await logIn(server, { id: await register(server, name), name, v });
}
