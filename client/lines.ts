/** Where the bytes come from, as `Deno.stdin` does: how many were read, null at the end. */
export interface Source {
  read(buffer: Uint8Array): Promise<number | null>;
}

/**
 * How far a pipe is read ahead of the line whose turn it is, so that its end is noticed while that line waits. In
 * bytes of memory: a line is taken for its text and {@linkcode LINE_OVERHEAD}.
 */
const AHEAD = 1 << 20;
const LINE_OVERHEAD = 100;
const READ_BUFFER = 64 * 1024;

/**
 * Hands on each line of a source, without its line break, in order and without waiting for the one before, as long as
 * those not taken yet are less than {@linkcode AHEAD}. Resolves at the end of the source, rejects as its `read` does.
 *
 * @param line Resolves when the line was taken.
 */
export async function readLines(source: Source, line: (text: string) => Promise<void>): Promise<void> {
  const utf8 = new TextDecoder();
  const buffer = new Uint8Array(READ_BUFFER);
  let rest = "";
  let waiting = 0;
  let taken = () => {};
  const hand = async (text: string) => {
    const size = text.length + LINE_OVERHEAD;
    waiting += size;
    line(text).then(() => {
      waiting -= size;
      taken();
    });
    while (waiting >= AHEAD) await new Promise<void>((resolve) => taken = resolve);
  };
  for (;;) {
    const length = await source.read(buffer);
    const text = length === null ? utf8.decode() : utf8.decode(buffer.subarray(0, length), { stream: true });
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const each of lines) await hand(each.replace(/\r$/, ""));
    if (length !== null) continue;
    if (rest !== "") await hand(rest);
    return;
  }
}
