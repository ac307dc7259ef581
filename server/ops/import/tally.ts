/** What is taken over, in the order of the report. */
export const SUBJECTS = ["users", "friendships", "groups", "memberships", "waiting messages"] as const;
export type Subject = (typeof SUBJECTS)[number];

/** Examples that are kept of each remark. */
const EXAMPLES = 3;
const EXAMPLE_LENGTH = 60;

// deno-lint-ignore no-control-regex -- what would go to a terminal is what this is about
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

interface Remark {
  readonly subject: Subject;
  readonly what: string;
  count: number;
  readonly examples: string[];
}

/** Counts what was found and taken, with a few examples of everything that is not as it should be. */
export class Tally {
  readonly #found = new Map<Subject, number>();
  readonly #skipped = new Map<Subject, number>();
  readonly #remarks = new Map<string, Remark>();

  found(subject: Subject): void {
    this.#found.set(subject, (this.#found.get(subject) ?? 0) + 1);
  }

  /** A row is left out. */
  skip(subject: Subject, reason: string, example: string): void {
    this.#skipped.set(subject, (this.#skipped.get(subject) ?? 0) + 1);
    this.remark(subject, `skipped: ${reason}`, example);
  }

  /** Something that the operator should know. */
  remark(subject: Subject, what: string, example: string, count = 1): void {
    const key = `${subject} ${what}`;
    let remark = this.#remarks.get(key);
    if (!remark) this.#remarks.set(key, remark = { subject, what, count: 0, examples: [] });
    remark.count += count;
    if (remark.examples.length < EXAMPLES) remark.examples.push(printable(example));
  }

  taken(subject: Subject): number {
    return (this.#found.get(subject) ?? 0) - (this.#skipped.get(subject) ?? 0);
  }

  /** The table, and below it a line for each remark. */
  report(): string {
    const rows = [
      ["", "found", "taken", "skipped"],
      ...SUBJECTS.map((subject) => [
        subject,
        String(this.#found.get(subject) ?? 0),
        String(this.taken(subject)),
        String(this.#skipped.get(subject) ?? 0),
      ]),
    ];
    const table = rows.map(([subject, ...numbers]) =>
      subject!.padEnd(18) + numbers.map((number) => number.padStart(10)).join("")
    );
    const order = (remark: Remark) => SUBJECTS.indexOf(remark.subject);
    const remarks = [...this.#remarks.values()].sort((a, b) => order(a) - order(b)).map(lineOf);
    return [...table, ...(remarks.length > 0 ? ["", ...remarks] : []), ""].join("\n");
  }
}

function lineOf({ subject, what, count, examples }: Remark): string {
  const shown = examples.join("; ") + (count > examples.length ? "; …" : "");
  return `${subject}, ${what}: ${count} (${shown})`;
}

/** One line of a report holds it, whatever is in it. */
function printable(text: string): string {
  const line = text.replaceAll(UNPRINTABLE, "\ufffd");
  const characters = [...line];
  return characters.length <= EXAMPLE_LENGTH ? line : characters.slice(0, EXAMPLE_LENGTH).join("") + "…";
}
