import { createClient } from "redis";
import { REDIS_COMMANDS } from "../bounds.ts";
import { StartupError } from "../errors.ts";
import type { Bus, BusEvents } from "./bus.ts";

type Client = ReturnType<typeof createClient>;

export interface RedisBusOptions {
  /** `redis://[[user]:password@]host:6379[/db]` */
  readonly url: string;
  /** All channels begin with it in Redis, so that several clusters can use one. */
  readonly prefix: string;
  /** This node's id: it publishes to itself now and then, to see that the whole way works. */
  readonly node: string;
  /** For how long to try to reach Redis at start, in ms; 0 tries once. */
  readonly wait: number;
  readonly events: BusEvents;
  /** Told when the bus stops and starts to work. */
  readonly onChange: (working: boolean, cause?: string) => void;
}

/** How often the node publishes to itself, and after how long without it the bus counts as not working, in ms. */
const ECHO_INTERVAL = 300;
const ECHO_TIMEOUT = 1000;
const CONNECT_TIMEOUT = 2000;
/** How long the first answers may take once the wait is over, in ms. */
const START_TIMEOUT = 2500;
/** The longest pause between two attempts to reconnect, in ms. */
const MAX_BACKOFF = 1000;
/**
 * After so long without an echo the connections are made anew, in ms. What a client cannot follow (an answer too many, a
 * broken one) leaves it waiting for ever on a connection that is open.
 */
const RENEW_AFTER = 4000;
/** How long Redis may take to say goodbye, in ms. */
const CLOSE_TIMEOUT = 1000;
/** A subscription that takes longer is not waited for, in ms. */
const SUBSCRIBE_TIMEOUT = 500;
/** Channels of one command: more keep Redis, and this node, from everything else for a while. */
const CHANNELS_AT_ONCE = 1000;
/** Commands that may wait for Redis; more are dropped, as they would be without a connection. */
const MAX_WAITING = 20_000;

/**
 * A bus on Redis pub/sub: one client publishes, a second one subscribes, and both reconnect by themselves.
 * https://redis.io/docs/latest/develop/pubsub/
 */
export class RedisBus implements Bus {
  readonly carries = true;
  readonly #options: RedisBusOptions;
  #publisher: Client;
  #subscriber: Client;
  /** Names of channels are those in Redis in here. */
  readonly #wanted = new Set<string>();
  /** Channels that Redis has not been told about since they were subscribed to or unsubscribed from. */
  readonly #changed = new Set<string>();
  #changing: Promise<void> | undefined;
  readonly #echoChannel: string;
  /** Characters that wait for Redis to take them. */
  #waiting = 0;
  #echoed = 0;
  #renewed = 0;
  #working = false;
  #starting = true;
  #closing = false;
  #cause = "";
  #resubscribing = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;

  /** @throws {StartupError} naming host, port and cause if Redis cannot be reached. */
  static async open(options: RedisBusOptions): Promise<RedisBus> {
    const bus = new RedisBus(options);
    await bus.#start();
    return bus;
  }

  private constructor(options: RedisBusOptions) {
    this.#options = options;
    this.#echoChannel = this.#nameOf(`node:${options.node}`);
    this.#wanted.add(this.#echoChannel);
    const deadline = Date.now() + options.wait;
    this.#publisher = this.#client(deadline);
    this.#subscriber = this.#listen(deadline);
  }

  get working(): boolean {
    return this.#working;
  }

  publish(channel: string, payload: string): void {
    const isTaken = this.#publisher.isReady && this.#waiting + payload.length <= REDIS_COMMANDS;
    if (!isTaken) return this.#unsent();
    this.#waiting += payload.length;
    this.#publisher.publish(this.#nameOf(channel), payload)
      .catch((error) => {
        this.#failed(error);
        this.#unsent();
      })
      .finally(() => this.#waiting -= payload.length);
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    const names = channels.map((channel) => this.#nameOf(channel));
    for (const name of names) this.#wanted.add(name);
    if (names.length > 0) await this.#change(names);
  }

  unsubscribe(channels: readonly string[]): void {
    const names = channels.map((channel) => this.#nameOf(channel));
    for (const name of names) this.#wanted.delete(name);
    if (names.length > 0) void this.#change(names);
  }

  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#timer);
    clearTimeout(this.#retry);
    await Promise.all([this.#publisher, this.#subscriber].map((client) => this.#end(client)));
  }

  async #end(client: Client): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => timer = setTimeout(resolve, CLOSE_TIMEOUT));
    try {
      // What was published last is written before the connection ends.
      if (client.isReady && this.#working) await Promise.race([client.quit(), late]);
      if (client.isOpen) await client.disconnect();
    } catch (error) {
      this.#failed(error);
    } finally {
      clearTimeout(timer);
    }
  }

  #nameOf(channel: string): string {
    return this.#options.prefix + channel;
  }

  /** What changes in one turn of the loop is one command of each kind. Never rejects. */
  #change(names: readonly string[]): Promise<void> {
    for (const name of names) this.#changed.add(name);
    return this.#changing ??= this.#tellChanges();
  }

  async #tellChanges(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    const names = [...this.#changed];
    this.#changed.clear();
    this.#changing = undefined;
    // A new connection is told everything that is wanted.
    if (!this.#subscriber.isReady) return;
    this.#unsubscribe(names.filter((name) => !this.#wanted.has(name)));
    const wanted = names.filter((name) => this.#wanted.has(name));
    if (wanted.length > 0) await this.#subscribe(wanted);
  }

  #unsubscribe(names: string[]): void {
    for (let at = 0; at < names.length; at += CHANNELS_AT_ONCE) {
      const some = names.slice(at, at + CHANNELS_AT_ONCE);
      // With its listener, or else the client loses a subscription that follows before the answer is there.
      this.#subscriber.unsubscribe(some, this.#listener).catch((error) => this.#failed(error));
    }
  }

  #client(deadline: number): Client {
    const client = createClient({
      url: this.#options.url,
      disableOfflineQueue: true,
      commandsQueueMaxLength: MAX_WAITING,
      socket: {
        connectTimeout: CONNECT_TIMEOUT,
        reconnectStrategy: (retries, cause) =>
          this.#starting && Date.now() >= deadline ? cause : Math.min(50 * 2 ** retries, MAX_BACKOFF),
      },
    });
    client.on("error", (error) => this.#failed(error));
    return client;
  }

  #listen(deadline: number): Client {
    const client = this.#client(deadline);
    client.on("ready", () => client === this.#subscriber && this.#resubscribe());
    return client;
  }

  async #start(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    // What is no Redis may say nothing, or something that the client waits for ever to understand.
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error("no answer")), this.#options.wait + START_TIMEOUT);
    });
    try {
      await Promise.race([this.#greet(), late]);
    } catch (error) {
      this.#closing = true;
      for (const client of [this.#publisher, this.#subscriber]) {
        if (client.isOpen) await client.disconnect().catch((failure) => this.#failed(failure));
      }
      throw new StartupError(whyNot(error, this.#options.url));
    } finally {
      clearTimeout(timer);
    }
    this.#starting = false;
    await this.#subscribe([...this.#wanted]);
    this.#echoed = this.#renewed = performance.now();
    this.#working = true;
    this.#timer = setInterval(() => this.#look(), ECHO_INTERVAL);
  }

  async #greet(): Promise<void> {
    await Promise.all([this.#publisher.connect(), this.#subscriber.connect()]);
    if (await this.#publisher.ping() !== "PONG") throw new Error("no answer");
  }

  /** The next echo will show that the way is open again, and then it is asked for. */
  #unsent(): void {
    this.#options.events.unsent();
    this.#interrupted();
  }

  #interrupted(): void {
    if (!this.#working || this.#closing) return;
    this.#working = false;
    this.#options.onChange(false, this.#cause || "no answer");
  }

  /** Publishes to itself, and judges by what came back. */
  #look(): void {
    if (this.#publisher.isReady) {
      this.#publisher.publish(this.#echoChannel, "").catch((error) => this.#failed(error));
    }
    const now = performance.now();
    const silent = now - this.#echoed > ECHO_TIMEOUT;
    if (silent || !this.#subscriber.isReady || !this.#publisher.isReady) this.#interrupted();
    if (now - Math.max(this.#echoed, this.#renewed) > RENEW_AFTER) this.#renew();
  }

  /** Goes on with new clients, whatever state the old ones are in. */
  #renew(): void {
    this.#renewed = performance.now();
    for (const client of [this.#publisher, this.#subscriber]) {
      if (client.isOpen) client.disconnect().catch((error) => this.#failed(error));
    }
    this.#publisher = this.#client(0);
    this.#subscriber = this.#listen(0);
    for (const client of [this.#publisher, this.#subscriber]) {
      client.connect().catch((error) => this.#failed(error));
    }
  }

  #receive(channel: string, payload: string): void {
    if (channel === this.#echoChannel) {
      // One that was on its way says nothing about channels that are being subscribed to.
      if (this.#resubscribing) return;
      this.#echoed = performance.now();
      if (this.#working || this.#closing) return;
      this.#working = true;
      this.#cause = "";
      this.#options.onChange(true);
      this.#options.events.interrupted();
    } else if (this.#wanted.has(channel)) {
      this.#options.events.message(channel.slice(this.#options.prefix.length), payload);
    } else {
      // Left over from before an interruption, during which it could not be unsubscribed.
      this.#unsubscribe([channel]);
    }
  }

  /** After a new connection: what was asked for in between is not known to Redis yet. */
  async #resubscribe(): Promise<void> {
    if (this.#starting || this.#closing) return;
    this.#interrupted();
    this.#resubscribing = true;
    try {
      await this.#subscribe([...this.#wanted]);
    } finally {
      this.#resubscribing = false;
    }
  }

  readonly #listener = (payload: string, channel: string) => this.#receive(channel, payload);

  async #subscribe(channels: readonly string[]): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isLate = false;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        isLate = true;
        resolve();
      }, SUBSCRIBE_TIMEOUT);
    });
    const done = this.#subscribeInParts(channels).then(
      // What was said in the meantime did not come in.
      () => isLate && this.#options.events.interrupted(),
      (error) => this.#subscribeFailed(error),
    );
    await Promise.race([done, late]);
    clearTimeout(timer);
  }

  async #subscribeInParts(channels: readonly string[]): Promise<void> {
    const parts: Promise<void>[] = [];
    for (let at = 0; at < channels.length; at += CHANNELS_AT_ONCE) {
      // What else is ready has its turn in between.
      if (at > 0) await new Promise<void>((resolve) => setImmediate(resolve));
      const part = this.#subscriber.subscribe(channels.slice(at, at + CHANNELS_AT_ONCE), this.#listener);
      // The first failure is reported, by whoever waits for all of them.
      part.catch(() => {});
      parts.push(part);
    }
    await Promise.all(parts);
  }

  /** A new connection subscribes to everything by itself; on this one it is tried again. */
  #subscribeFailed(error: unknown): void {
    this.#failed(error);
    this.#interrupted();
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      if (this.#subscriber.isReady) this.#resubscribe();
    }, MAX_BACKOFF);
  }

  /** A lost message or connection is no defect: the log has everything. The cause is kept for the operator. */
  #failed(error: unknown): void {
    this.#cause = error instanceof Error ? error.message || error.name : String(error);
  }
}

function whyNot(error: unknown, url: string): string {
  const { hostname, port } = new URL(url);
  const where = `cannot use Redis at ${hostname}:${port || 6379}`;
  const message = error instanceof Error ? error.message : String(error);
  if (/ECONNREFUSED/.test(message)) {
    return `${where}: connection refused; check that Redis runs there, and host and port in --redis`;
  }
  if (/timeout|ETIMEDOUT/i.test(message)) {
    return `${where}: timeout; check that it runs, that no firewall is in between, and host and port in --redis`;
  }
  if (/ECONNRESET|EPIPE|closed unexpectedly|no answer/i.test(message)) {
    return `${where}: what is there does not talk like a Redis; check host and port in --redis, and redis:// or rediss://`;
  }
  if (/ENOTFOUND|EAI_AGAIN/.test(message)) return `${where}: no such host; check the host name in --redis`;
  if (/NOAUTH|WRONGPASS|AUTH/.test(message)) {
    return `${where}: access denied; check user and password in --redis`;
  }
  return `${where}: ${message}; check --redis`;
}
