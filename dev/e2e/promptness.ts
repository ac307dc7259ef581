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

/** The threads of this process's workers run as soon as they are ready. */
export function makeWorkersPrompt(): void {
  // The shell looks: nobody who has not all permissions may read in /proc.
  const script = `for task in /proc/$0/task/*; do
    case "$(cat "$task/comm")" in worker-*) chrt --fifo --pid 1 "\${task##*/}" ;; esac
  done`;
  new Deno.Command("sh", {
    args: ["-c", script, `${Deno.pid}`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  })
    .outputSync();
}

/** A process and those that it has started run as soon as they are ready. */
export async function makeProcessPrompt(pid: number): Promise<void> {
  const script = 'for pid in $0 $(cat /proc/$0/task/$0/children); do chrt --fifo --pid 1 "$pid"; done';
  await new Deno.Command("sh", {
    args: ["-c", script, `${pid}`],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  })
    .output();
}
