/**
 * As much of MySQL's protocol as it takes to know statements and where their answers end, without the capability
 * DEPRECATE_EOF, which the driver does not ask for.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html
 */

/** A packet's header: three bytes of length, then its number in the exchange; 0 is a command. */
const HEADER = 4;

export const QUIT = 0x01;
export const QUERY = 0x03;
export const PREPARE = 0x16;
export const EXECUTE = 0x17;
export const CLOSE_STATEMENT = 0x19;

/** Commands that nobody answers. */
export const UNANSWERED: ReadonlySet<number> = new Set([QUIT, CLOSE_STATEMENT]);

const OK = 0x00;
const EOF = 0xfe;
const ERROR = 0xff;
/** In the status of an answer: another one follows. */
const MORE_RESULTS = 0x08;
/** In what a client says first: it may send several statements at once. */
const MULTI_STATEMENTS = 1 << 16;

export interface Packet {
  /** With its header. */
  readonly bytes: Uint8Array;
  readonly number: number;
  readonly payload: Uint8Array;
}

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
export const uint32 = (bytes: Uint8Array, at: number) => view(bytes).getUint32(at, true);
const uint16 = (bytes: Uint8Array, at: number) => view(bytes).getUint16(at, true);

/** Cuts a stream into packets. */
export class Packets {
  #rest = new Uint8Array();

  /** The packets that are complete with this chunk. */
  add(chunk: Uint8Array): Packet[] {
    const all = new Uint8Array(this.#rest.length + chunk.length);
    all.set(this.#rest);
    all.set(chunk, this.#rest.length);
    const packets: Packet[] = [];
    let at = 0;
    while (all.length - at >= HEADER) {
      const end = at + HEADER + (uint32(all, at) & 0xffffff);
      if (end > all.length) break;
      packets.push({ bytes: all.slice(at, end), number: all[at + 3]!, payload: all.slice(at + HEADER, end) });
      at = end;
    }
    this.#rest = all.slice(at);
    return packets;
  }
}

export const mayScript = (login: Packet) => (uint32(login.payload, 0) & MULTI_STATEMENTS) !== 0;

/** Follows the answer to one command. */
export class Answer {
  readonly #isPrepare: boolean;
  /** Groups of definitions or rows that are still to come; each ends with EOF. */
  #groups = 0;
  /** Of a prepared statement. */
  id: number | undefined;
  isError = false;

  constructor(command: number) {
    this.#isPrepare = command === PREPARE;
  }

  /** Whether the answer ends with this packet. */
  add({ payload }: Packet): boolean {
    const [first] = payload;
    if (first === ERROR) {
      this.isError = true;
      return true;
    }
    if (this.#groups > 0) {
      if (first !== EOF || payload.length > 8) return false;
      this.#groups--;
      return this.#groups === 0 && (this.#isPrepare || (uint16(payload, 3) & MORE_RESULTS) === 0);
    }
    if (this.#isPrepare) {
      this.id = uint32(payload, 1);
      this.#groups = [uint16(payload, 5), uint16(payload, 7)].filter((count) => count > 0).length;
      return this.#groups === 0;
    }
    if (first === OK) return (statusOf(payload) & MORE_RESULTS) === 0;
    this.#groups = 2;
    return false;
  }
}

/** The status in an OK packet: after two numbers of variable length. */
function statusOf(ok: Uint8Array): number {
  const after = (at: number) => at + ({ 0xfc: 3, 0xfd: 4, 0xfe: 9 }[ok[at]!] ?? 1);
  return uint16(ok, after(after(1)));
}
