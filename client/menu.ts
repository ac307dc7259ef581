import { Errno } from "../server/errors.ts";
import { Msg } from "../server/protocol/msgid.ts";
import { errorLine } from "./format.ts";
import type { ServerFrame } from "./frames.ts";
import type { Host } from "./host.ts";

/** What the next line answers. */
type Step = "choice" | "who" | "password" | "takeover" | "new name" | "new password";

/** What the person sees while nobody is logged in. */
export class Menu {
  readonly #host: Host;
  #step: Step = "choice";
  /** What was typed so far of a login or a registration. */
  #who = "";
  #password = "";

  constructor(host: Host) {
    this.#host = host;
  }

  /** Shows the menu and asks for a choice. */
  show(): void {
    this.#who = this.#password = "";
    const { output } = this.#host;
    for (const line of ["1. login", "2. register", "3. quit"]) output.print(line);
    this.#ask("choice");
  }

  /** Takes the answer to what was asked last. */
  line(text: string): void {
    switch (this.#step) {
      case "choice":
        return this.#choose(text.trim());
      case "who":
        this.#who = text.trim();
        return this.#ask("password");
      case "password":
        this.#password = text;
        return this.#logIn(false);
      case "takeover":
        return /^y(es)?$/i.test(text.trim()) ? this.#logIn(true) : this.show();
      case "new name":
        this.#who = text.trim();
        return this.#ask("new password");
      case "new password":
        this.#password = text;
        return this.#register();
    }
  }

  #ask(step: Step): void {
    this.#step = step;
    const secret = step === "password" || step === "new password";
    this.#host.output.prompt(QUESTIONS[step], { secret });
  }

  #choose(choice: string): void {
    if (choice === "1") return this.#ask("who");
    if (choice === "2") return this.#ask("new name");
    if (choice === "3") return this.#host.leave("exit", { deaf: true });
    if (choice !== "") {
      this.#host.failed();
      this.#host.output.print("please type 1, 2 or 3");
    }
    this.#ask("choice");
  }

  #logIn(takeover: boolean): void {
    const id = /^\d+$/.test(this.#who) ? Number(this.#who) : undefined;
    const who = Number.isSafeInteger(id) ? { id } : { name: this.#who };
    const { requests, device } = this.#host;
    const what = { ...device, ...(takeover ? { takeover } : {}) };
    requests.ask({
      frame: { msgid: Msg.LOGIN, v: 2, ...who, password: this.#password, ...what },
      repeatable: true,
      done: (answer) => this.#loginAnswered(answer),
    });
  }

  #loginAnswered(answer: ServerFrame | { lost: string }): void {
    const { output, interactive } = this.#host;
    if ("lost" in answer) {
      output.print(`not logged in: ${answer.lost}`);
      return this.#host.turnedAway();
    }
    if (answer.msgid !== Msg.LOGIN_ACK && answer.msgid !== Msg.ERROR) return this.#host.turnedAway();
    if (answer.msgid === Msg.LOGIN_ACK && answer.errno === Errno.OK && answer.id !== undefined) {
      this.#who = this.#password = "";
      return this.#host.loggedIn({ ...answer, id: answer.id });
    }
    output.print(errorLine(answer));
    if (answer.errno === Errno.LOGGED_IN && interactive) return this.#ask("takeover");
    this.#host.turnedAway();
  }

  #register(): void {
    this.#host.requests.ask({
      frame: { msgid: Msg.REGISTER, v: 2, name: this.#who, password: this.#password },
      repeatable: false,
      done: (answer) => {
        const { output } = this.#host;
        const isRegistered = !("lost" in answer) && answer.msgid === Msg.REGISTER_ACK &&
          answer.errno === Errno.OK;
        if (!isRegistered) this.#host.failed();
        if ("lost" in answer) output.print(`not known whether you are registered: ${answer.lost}`);
        else if (answer.msgid === Msg.REGISTER_ACK && answer.errno === Errno.OK && answer.id !== undefined) {
          output.print(`registered: your id is ${answer.id}`);
        } else if (answer.msgid === Msg.REGISTER_ACK || answer.msgid === Msg.ERROR) {
          const taken = answer.errno === Errno.DENIED && answer.errmsg === undefined;
          output.print(errorLine(taken ? { errno: answer.errno, errmsg: "this name is taken" } : answer));
        }
        this.show();
      },
    });
  }
}

const QUESTIONS: Readonly<Record<Step, string>> = {
  "choice": "choice:",
  "who": "id or name:",
  "password": "password:",
  "takeover": "already logged in elsewhere: take over? y/n",
  "new name": "name:",
  "new password": "password:",
};
