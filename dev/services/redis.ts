import { needBinary, run } from "./command.ts";
import { DaemonError } from "./errors.ts";
import { firstAnswer } from "./probe.ts";
import { Daemon, launch, type Place } from "./process.ts";

export interface RedisOptions {
  /** The port to use; a free one if not given. */
  readonly port?: number;
  /** More of redis-server's own options, for instance `["--client-output-buffer-limit", "pubsub 1mb 0 0"]`. */
  readonly args?: readonly string[];
}

/** A Redis that writes nothing to disk: it comes back from a restart empty. */
export interface Redis extends Daemon {
  /** `redis://127.0.0.1:PORT` */
  readonly url: string;
  /** Runs one command through redis-cli; its answer as text. An error reply is a {@linkcode DaemonError}. */
  cli(...command: string[]): Promise<string>;
}

/** Starts a Redis on loopback; it answers PING when the promise resolves. */
export async function startRedis(options: RedisOptions = {}): Promise<Redis> {
  const binaries = { server: await needBinary("redis-server"), cli: await needBinary("redis-cli") };
  return await launch((place) => Promise.resolve(new RedisServer(place, { binaries, options })), options);
}

class RedisServer extends Daemon implements Redis {
  readonly url: string;
  readonly #cli: string;
  readonly #socket: string;

  constructor(place: Place, setup: { binaries: { server: string; cli: string }; options: RedisOptions }) {
    const socket = `${place.folder}/s`;
    // deno-fmt-ignore
    super(place, {
      name: "redis-server",
      deathSignal: "KILL",
      command: [
        setup.binaries.server,
        "--port", `${place.port}`, "--bind", "127.0.0.1", "--unixsocket", socket,
        "--save", "", "--appendonly", "no", "--dir", place.folder, "--daemonize", "no",
        ...setup.options.args ?? [],
      ],
    });
    this.url = `redis://${this.hostname}:${place.port}`;
    this.#cli = setup.binaries.cli;
    this.#socket = socket;
  }

  async cli(...command: string[]): Promise<string> {
    const { stdout } = await run([this.#cli, "-h", this.hostname, "-p", `${this.port}`, ...command]);
    const answer = stdout.trimEnd();
    // `redis-cli -e` would say so by its exit code, but only from Redis 7 on.
    if (/^(ERR|WRONGTYPE|NOPERM|LOADING|OOM) /.test(answer)) throw new DaemonError(`redis-cli: ${answer}`);
    return answer;
  }

  protected override async isReady(): Promise<boolean> {
    const answer = await firstAnswer(this.#socket, "PING\r\n");
    return answer !== undefined && new TextDecoder().decode(answer).startsWith("+PONG");
  }
}
