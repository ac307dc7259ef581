import { Errno } from "../server/errors.ts";
import { errorLine } from "./format.ts";
import type { ServerFrame } from "./frames.ts";
import type { Host } from "./host.ts";
import type { Request } from "./requests.ts";
import { sanitize } from "./sanitize.ts";

/** What a command asks the server. */
export interface Question {
  readonly frame: Request["frame"];
  readonly repeatable: boolean;
  /** Sees only what was granted. */
  readonly done: (answer: ServerFrame) => void;
}

/** Asks the server for a command and prints refusals and lost answers. */
export class Ask {
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
  }

  /** @param command What stands before the reason if there is no answer. */
  ask(command: string, question: Question): void {
    this.#host.requests.ask({
      ...question,
      done: (answer) => {
        if ("lost" in answer) this.refused(`${sanitize(command)}: ${answer.lost}`);
        else if ("errno" in answer && answer.errno !== Errno.OK) this.refused(errorLine(answer));
        else question.done(answer);
      },
    });
  }

  /** Something that was asked for is not done. */
  refused(line: string): void {
    this.#host.failed();
    this.say(line);
  }

  say(...lines: readonly string[]): void {
    for (const line of lines) this.#host.output.print(line);
  }
}
