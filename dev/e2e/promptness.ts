/**
 * Where frames are told apart by the time between them, those who pass them on must run when they are due, whatever else
 * the machine does: Linux gives them that as root, and `chrt` asks for it.
 */

const chrt = (...args: string[]) =>
  new Deno.Command("chrt", { args: ["--fifo", ...args], stdin: "null", stdout: "null", stderr: "null" });

/** Whether this machine lets us have that. */
export async function canBePrompt(): Promise<boolean> {
  try {
    return (await chrt("1", "true").output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** This thread runs as soon as it is ready. */
export function makeThreadPrompt(): void {
  const thread = Deno.readLinkSync("/proc/thread-self").split("/").at(-1)!;
  chrt("--pid", "1", thread).outputSync();
}

/** A process and those that it has started run as soon as they are ready. */
export async function makeProcessPrompt(pid: number): Promise<void> {
  const children = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`);
  for (const each of [`${pid}`, ...children.split(" ")]) {
    if (each !== "") await chrt("--pid", "1", each).output();
  }
}
