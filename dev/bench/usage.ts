/** Ticks of the times in /proc/PID/stat: USER_HZ, 100 a second on every Linux that Deno runs on. */
const TICKS_PER_SECOND = 100;

/** Resident memory of processes together, MB. */
export function residentMb(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + residentMbOf(pid), 0);
}

/** What processes have used of the processors since they began, in seconds. */
export function cpuSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0);
}

function residentMbOf(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

function cpuSecondsOf(pid: number): number {
  const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  // The second field is the program's name, and may have spaces. utime and stime are the fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** How many files and connections a process may have open at once; Deno raises it as far as it may. */
export function fileLimit(): number {
  const limits = Deno.readTextFileSync("/proc/self/limits");
  return Number(/Max open files\s+(\d+)/.exec(limits)?.[1] ?? Infinity);
}
