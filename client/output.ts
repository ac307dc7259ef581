/** Where lines go and where the question for the next one is asked; the screen, or a list in a test. */
export interface Output {
  /** Prints one line that is already safe to print; `shown` is called once it has been written. */
  print(line: string, shown?: () => void): void;
  /** What the next line typed is the answer to. A secret is not echoed and not remembered. */
  prompt(text: string, options?: { secret?: boolean }): void;
}
