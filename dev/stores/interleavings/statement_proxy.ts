import {
  Answer,
  EXECUTE,
  mayScript,
  type Packet,
  Packets,
  PREPARE,
  QUERY,
  uint32,
  UNANSWERED,
} from "./wire.ts";

/** What becomes of a statement that is held. `lost`: the connection is cut before the database has it. */
export type Fate = "answered" | "lost" | "answer lost";

interface Statement {
  readonly sql: string;
  /** What was sent, as text: the values of a prepared statement are in it. */
  readonly sent: string;
  /** The connection that it came by. */
  readonly link: Link;
}

/** A statement that waits for {@linkcode Held.settle}. */
export interface Held extends Statement {
  /** Whether the database has refused it. */
  isError: boolean;
  /** Resolves when the database has carried it out and, if so, the answer is on its way to the client. */
  settle(fate: Fate): Promise<void>;
}

const text = new TextDecoder("latin1");

/** Statements by which a connection begins: nobody else sees anything of them. */
const isSetting = (sql: string) => sql.startsWith("SET SESSION");

/** Stands between a client and the database, and can hold every statement. */
export class StatementProxy implements Disposable {
  readonly #listener: Deno.TcpListener;
  readonly #target: Deno.ConnectOptions;
  readonly #links = new Set<Link>();
  readonly #held: Held[] = [];
  /** Called whenever something is held. */
  onHeld = () => {};
  holds = false;
  #isAway = false;

  constructor(port: number) {
    this.#target = { hostname: "127.0.0.1", port };
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** In the order in which they came. */
  get held(): readonly Held[] {
    return this.#held;
  }

  /** Whether the database cannot be reached: every connection is cut then, and no other one comes about. */
  get isAway(): boolean {
    return this.#isAway;
  }

  set isAway(isAway: boolean) {
    this.#isAway = isAway;
    if (isAway) this.#cutAll();
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    this.#cutAll();
  }

  #cutAll(): void {
    for (const held of [...this.#held]) held.settle("lost");
    for (const link of this.#links) link.cut();
  }

  async #accept(): Promise<void> {
    for await (const client of this.#listener) {
      if (this.#isAway) client.close();
      else this.#connect(client);
    }
  }

  async #connect(client: Deno.TcpConn): Promise<void> {
    const server = await Deno.connect(this.#target);
    for (const conn of [client, server]) conn.setNoDelay(true);
    const link = new Link(client, { server, hold: (statement) => this.#hold(statement) });
    this.#links.add(link);
    await link.ended;
    this.#links.delete(link);
  }

  /** What is to become of a statement, when somebody has decided it. */
  #hold(statement: Statement): Promise<Decision> {
    if (!this.holds || isSetting(statement.sql)) return Promise.resolve({ fate: "answered", done: () => {} });
    const decided = Promise.withResolvers<Decision>();
    const held: Held = {
      ...statement,
      isError: false,
      settle: (fate) => {
        this.#held.splice(this.#held.indexOf(held), 1);
        return new Promise((resolve) => {
          const done = (isError: boolean) => {
            held.isError = isError;
            resolve();
          };
          decided.resolve({ fate, done });
        });
      },
    };
    this.#held.push(held);
    this.onHeld();
    return decided.promise;
  }
}

interface Decision {
  readonly fate: Fate;
  readonly done: (isError: boolean) => void;
}

/** One connection of the client and its continuation to the database. */
export class Link {
  readonly #client: Deno.TcpConn;
  readonly #server: Deno.TcpConn;
  readonly #hold: (statement: Statement) => Promise<Decision>;
  readonly #prepared = new Map<number, string>();
  /** The answer that is awaited. What comes otherwise belongs to the login. */
  #awaited: { answer: Answer; packets: Uint8Array[]; complete: () => void } | undefined;
  /** Whether several statements may come in one. */
  scripts = false;
  readonly ended: Promise<void>;

  constructor(
    client: Deno.TcpConn,
    { server, hold }: { server: Deno.TcpConn; hold: (statement: Statement) => Promise<Decision> },
  ) {
    this.#client = client;
    this.#server = server;
    this.#hold = hold;
    const ways = [
      this.#pump(client, (packet) => this.#fromClient(packet)),
      this.#pump(server, (packet) => this.#fromServer(packet)),
    ];
    this.ended = Promise.all(ways).then(() => {});
  }

  cut(): void {
    for (const conn of [this.#client, this.#server]) {
      try {
        conn.close();
      } catch (error) {
        if (!(error instanceof Deno.errors.BadResource)) throw error; // closed already
      }
    }
    // Whoever waits for an answer need not.
    this.#awaited?.complete();
  }

  /** Never rejects; when one way ends, both do. */
  async #pump(from: Deno.TcpConn, take: (packet: Packet) => Promise<void>): Promise<void> {
    const packets = new Packets();
    const buffer = new Uint8Array(65536);
    try {
      for (let size = await from.read(buffer); size !== null; size = await from.read(buffer)) {
        for (const packet of packets.add(buffer.subarray(0, size))) await take(packet);
      }
    } catch (error) {
      if (!isClosed(error)) throw error;
    }
    this.cut();
  }

  async #fromClient(packet: Packet): Promise<void> {
    const { number, payload } = packet;
    if (number !== 0) {
      if (number === 1) this.scripts = mayScript(packet);
      return await write(this.#server, packet.bytes);
    }
    const [command] = payload;
    if (UNANSWERED.has(command!)) return await write(this.#server, packet.bytes);
    const statement = this.#statement(payload);
    if (statement === undefined || command === PREPARE) {
      const { answer, packets } = await this.#ask(packet);
      if (answer.id !== undefined) this.#prepared.set(answer.id, statement!.sql);
      return await write(this.#client, ...packets);
    }
    const { fate, done } = await this.#hold(statement);
    let isError = false;
    if (fate !== "lost") {
      const { answer, packets } = await this.#ask(packet);
      isError = answer.isError;
      if (fate === "answered") await write(this.#client, ...packets);
    }
    if (fate !== "answered") this.cut();
    done(isError);
  }

  #statement(payload: Uint8Array): Statement | undefined {
    const [command] = payload;
    const sent = text.decode(payload.subarray(1));
    if (command === QUERY || command === PREPARE) return { sql: sent, sent, link: this };
    if (command !== EXECUTE) return undefined;
    return { sql: this.#prepared.get(uint32(payload, 1)) ?? "", sent, link: this };
  }

  /** Gives a command to the database and waits for the whole answer. */
  async #ask({ bytes, payload }: Packet): Promise<{ answer: Answer; packets: Uint8Array[] }> {
    const answer = new Answer(payload[0]!);
    const packets: Uint8Array[] = [];
    const complete = Promise.withResolvers<void>();
    this.#awaited = { answer, packets, complete: complete.resolve };
    await write(this.#server, bytes);
    await complete.promise;
    this.#awaited = undefined;
    return { answer, packets };
  }

  async #fromServer(packet: Packet): Promise<void> {
    if (!this.#awaited) return await write(this.#client, packet.bytes);
    this.#awaited.packets.push(packet.bytes);
    if (this.#awaited.answer.add(packet)) this.#awaited.complete();
  }
}

async function write(to: Deno.TcpConn, ...parts: Uint8Array[]): Promise<void> {
  const all = parts.length === 1
    ? parts[0]!
    : new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
  for (let at = 0; at < all.length;) at += await to.write(all.subarray(at));
}

const isClosed = (error: unknown) =>
  [Deno.errors.BadResource, Deno.errors.BrokenPipe, Deno.errors.ConnectionReset, Deno.errors.Interrupted]
    .some((kind) => error instanceof kind);
