import type { Move, Tasks, Writer } from "./writer.ts";

/** Longer than anything takes here, in ms. */
const PATIENCE = 5000;
/** No statement waits for another one that is held: well below the time after which the database gives up a lock, in ms. */
const NO_WAIT = 700;

export interface Plays {
  readonly writers: readonly { readonly writer: Writer; readonly tasks: Tasks }[];
  /** Writers whose connections may be lost, once in all. */
  readonly losing: ReadonlySet<string>;
  /** Undefined: what follows is of no interest. */
  readonly choose: (moves: readonly Move[]) => Move | undefined;
  /** Told of every move, before it is made. */
  readonly onMove: (move: Move) => void;
}

/**
 * Has writers carry out their tasks, one statement at a time in the order that `choose` says, until all have ended.
 * False if `choose` has given up; the tasks have ended then, too.
 */
export async function play({ writers, losing, choose, onMove }: Plays): Promise<boolean> {
  let changed = Promise.withResolvers<void>();
  const all = writers.map(({ writer }) => writer);
  let isLost = false;
  const until = async (is: (writer: Writer) => boolean) => {
    while (!all.every(is)) {
      await inTime(changed.promise, {
        ms: PATIENCE,
        sentence: () => {
          const names = all.filter((writer) => !is(writer)).map(({ name }) => name);
          return `${names.join(" and ")} neither ends nor sends a statement`;
        },
      });
      changed = Promise.withResolvers();
    }
  };
  try {
    for (const { writer, tasks } of writers) writer.begin(tasks, () => changed.resolve());
    while (true) {
      await until(({ isSettled }) => isSettled);
      const moves = all.flatMap((writer) => writer.moves({ losses: !isLost && losing.has(writer.name) }));
      if (moves.length === 0) return true;
      const move = choose(moves);
      if (!move) return false;
      onMove(move);
      if (move.fate !== "answered") isLost = true;
      const { writer } = writers.find(({ writer: { name } }) => name === move.writer)!;
      await inTime(writer.make(move), {
        ms: NO_WAIT,
        sentence: () => `${move.name} waits for a lock that another statement left`,
      });
    }
  } finally {
    for (const writer of all) writer.end();
    await until(({ isDone }) => isDone);
  }
}

async function inTime(
  done: Promise<void>,
  { ms, sentence }: { ms: number; sentence: () => string },
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${sentence()} (waited ${ms} ms)`)), ms);
  });
  try {
    await Promise.race([done, late]);
  } finally {
    clearTimeout(timer);
  }
}
