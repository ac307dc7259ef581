const NEWLINE = 0x0a;
const ACK = /"msgid":12[,}]/;

/** Takes MESSAGE_ACK frames out of a stream of lines, whole ones only, while it is told to. */
export class AckFilter {
  #rest = new Uint8Array(0);
  /** Whether the bytes that went through so far end with a whole line. */
  #aligned = true;
  losing = false;
  lost = 0;

  /** What is left of the next bytes. While frames are taken out, a line waits until it is whole. */
  filter(bytes: Uint8Array): Uint8Array {
    if (!this.losing && this.#rest.length === 0) {
      this.#aligned = bytes.at(-1) === NEWLINE;
      return bytes;
    }
    const all = join(this.#rest, bytes);
    const end = this.losing ? all.lastIndexOf(NEWLINE) + 1 : all.length;
    this.#rest = all.slice(end);
    const kept: Uint8Array[] = [];
    for (let at = 0; at < end;) {
      const newline = all.indexOf(NEWLINE, at);
      const next = newline < 0 ? end : newline + 1;
      const line = all.subarray(at, next);
      if (this.losing && this.#aligned && ACK.test(new TextDecoder().decode(line))) this.lost++;
      else kept.push(line);
      this.#aligned = newline >= 0;
      at = next;
    }
    return join(...kept);
  }
}

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
