export const LEVELS = ["debug", "info", "warn", "error", "off"] as const;
export type Level = (typeof LEVELS)[number];

/** Facts that belong to a log line, printed as key=value. */
export type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Log lines for the operator: time, level, message, facts. */
export class Logger {
  readonly #threshold: number;
  readonly #write: (line: string) => void;
  readonly #now: () => number;

  constructor(options: { level: Level; write: (line: string) => void; now?: () => number }) {
    this.#threshold = LEVELS.indexOf(options.level);
    this.#write = options.write;
    this.#now = options.now ?? Date.now;
  }

  debug(message: string, fields?: Fields): void {
    this.#line("debug", message, fields);
  }

  info(message: string, fields?: Fields): void {
    this.#line("info", message, fields);
  }

  warn(message: string, fields?: Fields): void {
    this.#line("warn", message, fields);
  }

  error(message: string, fields?: Fields): void {
    this.#line("error", message, fields);
  }

  /** An error that nobody foresaw, with its stack. */
  defect(error: unknown): void {
    this.error("defect", { stack: error instanceof Error ? error.stack ?? error.message : String(error) });
  }

  #line(level: Level, message: string, fields: Fields = {}): void {
    if (LEVELS.indexOf(level) < this.#threshold) return;
    let line = `${new Date(this.#now()).toISOString()} ${level.padEnd(5)} ${message}`;
    for (const [key, value] of Object.entries(fields)) {
      if (value === undefined) continue;
      // Quoted, so that a text from outside can neither begin a line of its own nor move the cursor.
      line += ` ${key}=${
        typeof value === "string" && !/^[\w.:/@-]+$/.test(value) ? JSON.stringify(value) : value
      }`;
    }
    this.#write(line + "\n");
  }
}
