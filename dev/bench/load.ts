import process from "node:process";

/**
 * The load, in a process of its own: pairs of clients in a closed loop. Each sender has a fixed number of messages
 * under way; the next one goes out when an earlier one has reached its receiver and, where the server acknowledges,
 * has been acknowledged. Reads its settings from the first argument and prints its figures, both as JSON.
 */
export interface LoadSettings {
  /** The port of the senders' server, and that of the receivers'. */
  readonly ports: readonly [number, number];
  /** LOGIN frames of the senders and of the receivers, in pairs. */
  readonly logins: readonly (readonly [object, object])[];
  /** Ids of the receivers. */
  readonly receivers: readonly number[];
  readonly inFlight: number;
  /** Whether the server acknowledges. */
  readonly acknowledged: boolean;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface LoadFigures {
  /** Messages delivered (and acknowledged) per second. */
  readonly perSecond: number;
  /** From sending to delivery, ms. */
  readonly p50: number;
  readonly p99: number;
  /** The share of the time that this process was busy; near 1 means the load was the limit. */
  readonly busy: number;
}

const utf8 = new TextEncoder();
const LINE_END = 0x0a;

/** A client that counts frames by their msgid, which every server here writes first, and does not parse them. */
class Client {
  readonly #conn: Deno.TcpConn;
  readonly #decoder = new TextDecoder();
  #text = "";
  onFrame: (msgid: number) => void = () => {};
  /** Called when all frames of what one read brought have been passed on. */
  onRead: () => void = () => {};

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  static async connect(port: number): Promise<Client> {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    conn.setNoDelay(true);
    return new Client(conn);
  }

  send(bytes: Uint8Array): void {
    this.#conn.write(bytes).catch((error) => failed(error));
  }

  /** Logs in, and confirms what an earlier run has left, so that it does not come again in this one. */
  async logIn(login: object): Promise<void> {
    this.#write(login);
    const ack = await this.#next(2);
    // A bare relay says no more than that it heard.
    if (ack.conversations === undefined) return this.#begin();
    for (const { conv, seq, delivered } of ack.conversations) {
      if (seq > delivered) this.#write({ msgid: 13, conv, seq, kind: "delivered" });
    }
    this.#write({ msgid: 14 });
    await this.#next(15);
    this.#begin();
  }

  #write(frame: object): void {
    this.send(utf8.encode(JSON.stringify(frame) + "\n"));
  }

  /** The next frame of a kind; others are dropped. */
  async #next(msgid: number) {
    const buffer = new Uint8Array(64 * 1024);
    while (true) {
      for (let end = this.#text.indexOf("\n"); end >= 0; end = this.#text.indexOf("\n")) {
        const frame = JSON.parse(this.#text.slice(0, end));
        this.#text = this.#text.slice(end + 1);
        if (frame.msgid === msgid) return frame;
      }
      const count = await this.#conn.read(buffer);
      if (count === null) throw new Error("the server closed the connection");
      this.#text += this.#decoder.decode(buffer.subarray(0, count), { stream: true });
    }
  }

  #begin(): void {
    this.#read().catch((error) => failed(error));
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(64 * 1024);
    let atStart = true;
    let msgid = 0;
    let column = 0;
    while (true) {
      const count = await this.#conn.read(buffer);
      if (count === null) return;
      for (let i = 0; i < count; i++) {
        const byte = buffer[i]!;
        if (byte === LINE_END) {
          this.onFrame(msgid);
          atStart = true;
          msgid = 0;
          column = 0;
        } else if (atStart) {
          // {"msgid":12, …: the digits begin at column 9.
          if (column++ >= 9) {
            if (byte >= 0x30 && byte <= 0x39) msgid = msgid * 10 + byte - 0x30;
            else {
              atStart = false;
              const end = buffer.indexOf(LINE_END, i);
              i = end < 0 || end >= count ? count : end - 1;
            }
          }
        }
      }
      this.onRead();
    }
  }
}

let ended = false;

function failed(error: unknown): void {
  if (!ended) throw error;
}

class Pair {
  readonly #sender: Client;
  readonly #settings: LoadSettings;
  readonly #prefix: string;
  #sent = 0;
  #delivered = 0;
  #acknowledged = 0;
  readonly #times: number[] = [];
  readonly #latencies: number[];

  constructor(
    clients: readonly [Client, Client],
    options: { index: number; settings: LoadSettings; latencies: number[] },
  ) {
    const [sender, receiver] = clients;
    const { index, settings, latencies } = options;
    this.#sender = sender;
    this.#settings = settings;
    this.#latencies = latencies;
    const run = Date.now().toString(36);
    this.#prefix = `{"msgid":6,"toid":${
      settings.receivers[index]
    },"msg":"hello, how are you today?","mid":"${run}-`;
    receiver.onFrame = (msgid) => {
      if (msgid !== 6) return;
      this.#delivered++;
      this.#latencies.push(performance.now() - this.#times.shift()!);
    };
    sender.onFrame = (msgid) => {
      if (msgid === 16) throw new Error("the server refused a message");
      if (msgid !== 12) return;
      this.#acknowledged++;
    };
    receiver.onRead = sender.onRead = () => this.#next();
  }

  start(): void {
    this.#next();
  }

  #next(): void {
    const done = this.#settings.acknowledged
      ? Math.min(this.#delivered, this.#acknowledged)
      : this.#delivered;
    let frames = "";
    while (!ended && this.#sent - done < this.#settings.inFlight) {
      this.#times.push(performance.now());
      frames += `${this.#prefix}${this.#sent++}"}\n`;
    }
    if (frames !== "") this.#sender.send(utf8.encode(frames));
  }
}

async function main(settings: LoadSettings): Promise<LoadFigures> {
  const latencies: number[] = [];
  const pairs = await Promise.all(settings.logins.map(async ([from, to], index) => {
    const clients = [
      await Client.connect(settings.ports[0]),
      await Client.connect(settings.ports[1]),
    ] as const;
    await Promise.all([clients[0].logIn(from), clients[1].logIn(to)]);
    return new Pair(clients, { index, settings, latencies });
  }));
  for (const pair of pairs) pair.start();
  await sleep(settings.warmUpMs);
  latencies.length = 0;
  const began = performance.now();
  const cpu = process.cpuUsage();
  await sleep(settings.measureMs);
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  ended = true;
  const sorted = Float64Array.from(latencies).sort();
  return {
    perSecond: latencies.length / seconds,
    p50: sorted[Math.floor(sorted.length * 0.5)] ?? 0,
    p99: sorted[Math.floor(sorted.length * 0.99)] ?? 0,
    busy: (user + system) / 1e6 / seconds,
  };
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

if (import.meta.main) {
  const figures = await main(JSON.parse(await Deno.readTextFile(Deno.args[0]!)));
  Deno.stdout.writeSync(utf8.encode(JSON.stringify(figures) + "\n"));
  Deno.exit(0);
}
