import { findBinary, isFile, needBinary, run } from "./command.ts";
import { DaemonError } from "./errors.ts";
import { Daemon, launch, type Place, within } from "./process.ts";

const SHIPPED = new URL("../../nginx.conf", import.meta.url);
const RELOAD_WITHIN_MS = 10_000;
/** What nginx logs each time it starts a new set of workers. */
const GENERATION = "start worker processes";

export interface NginxOptions {
  /** Loopback ports of the nodes; at least one. They need not listen yet. */
  readonly upstreams: readonly number[];
  /** The port to listen on; a free one if not given. */
  readonly listen?: number;
}

/** An nginx that runs the repository's own nginx.conf, with only its ports exchanged. */
export interface Nginx extends Daemon {
  /** `tcp://127.0.0.1:PORT` */
  readonly url: string;
  /**
   * What `nginx -s reload` does, with other nodes if given; resolves when only new workers accept connections. A
   * configuration that nginx refuses is a {@linkcode DaemonError}, and the old workers go on.
   */
  reload(options?: { upstreams?: readonly number[] }): Promise<void>;
}

/** Starts an nginx on loopback; the port is open when the promise resolves, whether or not the nodes are there. */
export async function startNginx(options: NginxOptions): Promise<Nginx> {
  const binary = await needBinary("nginx");
  const modules = await modulesFolder(binary);
  return await launch(async (place) => {
    // What the distribution's file in modules-enabled/ names is relative to the prefix (-p).
    if (modules !== undefined) await Deno.symlink(modules, `${place.folder}/modules`);
    const nginx = new NginxServer(place, binary);
    await nginx.configure(options.upstreams);
    return nginx;
  }, { port: options.listen });
}

/**
 * The shipped configuration with another address to listen on and other nodes, all else as it is. Throws if the text
 * no longer has the lines to replace.
 */
export function renderNginxConfig(
  shipped: string,
  ports: { readonly listen: number; readonly upstreams: readonly number[] },
): string {
  const replace = (text: string, pattern: RegExp, by: (...groups: string[]) => string) => {
    if (text.match(pattern)?.length !== 1) {
      throw new DaemonError(`nginx.conf has not one match of ${pattern}`);
    }
    return text.replace(pattern, (_, ...groups) => by(...groups));
  };
  const listening = replace(shipped, /^( *listen )8888\b/gm, (start) => `${start}127.0.0.1:${ports.listen}`);
  return replace(
    listening,
    /(?:^( *server )127\.0\.0\.1:\d+(.*;)\n)+/gm,
    (start, rest) => ports.upstreams.map((port) => `${start}127.0.0.1:${port}${rest}\n`).join(""),
  );
}

class NginxServer extends Daemon implements Nginx {
  readonly url: string;
  readonly #config: string;
  readonly #pidFile: string;

  constructor(place: Place, binary: string) {
    const config = `${place.folder}/nginx.conf`;
    const pidFile = `${place.folder}/nginx.pid`;
    super(place, {
      name: "nginx",
      // The master passes it on to its workers, which it could not do with KILL.
      deathSignal: "TERM",
      command: [binary, "-p", place.folder, "-c", config, "-g", `daemon off; pid ${pidFile};`],
    });
    this.url = `tcp://${this.hostname}:${place.port}`;
    this.#config = config;
    this.#pidFile = pidFile;
  }

  async configure(upstreams: readonly number[]): Promise<void> {
    const shipped = await Deno.readTextFile(SHIPPED);
    await Deno.writeTextFile(this.#config, renderNginxConfig(shipped, { listen: this.port, upstreams }));
  }

  async reload(options: { upstreams?: readonly number[] } = {}): Promise<void> {
    if (options.upstreams !== undefined) await this.configure(options.upstreams);
    const from = await this.logSize();
    this.signal("SIGHUP");
    const done = await within(RELOAD_WITHIN_MS, async () => {
      const log = await this.log({ from });
      if (log.includes("[emerg]")) throw new DaemonError(`nginx refused its configuration:\n${log}`);
      return log.includes(GENERATION) && await this.#oldWorkersLeft();
    });
    if (!done) throw new DaemonError(`nginx did not reload:\n${await this.log({ from })}`);
  }

  /**
   * It writes its pid after it listens. A connection as a probe would go through to a node, and count as that node's
   * failure if it is not there yet.
   */
  protected override async isReady(): Promise<boolean> {
    try {
      return Number(await Deno.readTextFile(this.#pidFile)) === (this.isRunning ? this.pid : undefined);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  }

  /** Whether each worker of the generation before the newest one has said that it accepts no more, or is gone. */
  async #oldWorkersLeft(): Promise<boolean> {
    const log = await this.log({ bytes: Infinity });
    const old = log.split(GENERATION).at(-2) ?? "";
    return [...old.matchAll(/start worker process (\d+)/g)].every(([, pid]) =>
      log.includes(` ${pid}#${pid}: gracefully shutting down`) || log.includes(`worker process ${pid} exited`)
    );
  }
}

async function modulesFolder(binary: string): Promise<string | undefined> {
  const { stderr } = await run([binary, "-V"]);
  return /--modules-path=(\S+)/.exec(stderr)?.[1];
}

/** Whether the installed nginx can proxy TCP: it has the stream module built in, or beside it. */
export async function hasStreamModule(): Promise<boolean> {
  const binary = await findBinary("nginx");
  if (binary === undefined) return false;
  const { stderr } = await run([binary, "-V"]);
  if (/--with-stream(\s|$)/.test(stderr)) return true;
  const modules = await modulesFolder(binary);
  return modules !== undefined && await isFile(`${modules}/ngx_stream_module.so`);
}
