/** Runs something once after so many ms, unless the function that it gives is called before. */
export type After = (ms: number, run: () => void) => () => void;

/** The system's timers. Tests have others. */
export const after: After = (ms, run) => {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
};
