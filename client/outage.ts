import type { Output } from "./output.ts";
import { sanitize } from "./sanitize.ts";

/** What the person is told about the connection: each cause once, and nothing about an end that mends itself. */
export class Outage {
  readonly #output: Output;
  /** The last cause that was told while the connection was down. */
  #told: string | undefined;
  /** The server has said that it will close the connection. */
  #announced = false;

  constructor(output: Output) {
    this.#output = output;
  }

  /** The server said goodbye, and the client will come back by itself. */
  announced(reason: string): void {
    this.#announced = true;
    // The server could not be sure of its sessions: the next login is a matter of moments.
    if (reason === "unsure") return;
    this.#told = reason;
    const what = reason === "stopping" ? "is stopping" : `says goodbye: ${sanitize(reason)}`;
    this.#output.print(`the server ${what}; reconnecting`);
  }

  /** The connection ended or could not be made, and is needed. */
  down(cause: string): void {
    if (this.#announced) {
      this.#announced = false;
      return;
    }
    if (this.#told === cause) return;
    const text = sanitize(cause);
    this.#output.print(this.#told === undefined ? `connection lost: ${text}; reconnecting` : text);
    this.#told = cause;
  }

  /** The connection serves again. */
  over(): void {
    if (this.#told !== undefined) this.#output.print("connected again");
    this.forget();
  }

  /** Nobody needs the connection any more. */
  forget(): void {
    this.#told = undefined;
    this.#announced = false;
  }
}

/** The sentence for a goodbye after which the client stays away; undefined if it comes back. */
export function lastWord(reason: string): string | undefined {
  switch (reason) {
    case "takeover":
      return "logged out: another client has taken over this account";
    case "ended":
      return "logged out: this login was ended from elsewhere";
    default:
      return undefined;
  }
}
