import type { Move, Tasks, Writer } from "./writer.ts";

/** Longer than anything takes here, in ms. */
const PATIENCE = 5000;
/** No statement waits for another one that is held: well below the time after which the database gives up a lock, in ms. */
const NO_WAIT = 700;

export interface Plays {
  readonly writers: readonly { readonly writer: Writer; readonly tasks: Tasks }[];
  /** Writers whose connections may be lost, once in all. */
  readonly losing: ReadonlySet<string>;
  readonly choose: (moves: readonly Move[]) => Move;
  /** Told of every move, before it is made. */
  readonly onMove: (move: Move) => void;
}

/** Has writers carry out their tasks, one statement at a time in the order that `choose` says, until all have ended. */
export async function play({ writers, losing, choose, onMove }: Plays): Promise<void> {
  let changed = Promise.withResolvers<void>();
  const all = writers.map(({ writer }) => writer);
  let isLost = false;
  try {
    for (const { writer, tasks } of writers) writer.begin(tasks, () => changed.resolve());
    while (true) {
      while (!all.every(({ isSettled }) => isSettled)) {
        await inTime(changed.promise, {
          ms: PATIENCE,
          sentence: () => {
            const waiting = all.filter(({ isSettled }) => !isSettled).map(({ name }) => name);
            return `${waiting.join(" and ")} neither ends nor sends a statement`;
          },
        });
        changed = Promise.withResolvers();
      }
      const moves = all.flatMap((writer) => writer.moves({ losses: !isLost && losing.has(writer.name) }));
      if (moves.length === 0) return;
      const move = choose(moves);
      onMove(move);
      if (move.fate !== "answered") isLost = true;
      const { writer } = writers.find(({ writer: { name } }) => name === move.writer)!;
      await inTime(
        writer.make(move),
        () => `the database does not answer ${move.name}: what does it wait for?`,
      );
    }
  } finally {
    for (const writer of all) writer.end();
  }
}

async function inTime(
  done: Promise<void>,
  { ms, sentence }: { ms: number; sentence: () => string },
): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${sentence()} (waited ${ms} ms)`)), PATIENCE);
  });
  try {
    await Promise.race([done, late]);
  } finally {
    clearTimeout(timer);
  }
}
