import { PASSWORD } from "../population.ts";
import { Asker, loginFrame } from "./asker.ts";
import { Gauge } from "./gauge.ts";
import { serve } from "./worker.ts";

/** Connections in a closed loop: log in, log out, log in. The latency is that of the login. */
export interface LoginsSettings {
  /** The connections are spread over these. */
  readonly ports: readonly number[];
  /** Ids of the users, one a connection. */
  readonly users: readonly number[];
  readonly by: "password" | "token";
}

await serve(async ({ ports, users, by }: LoginsSettings) => {
  const gauge = new Gauge();
  const logInAndOut = async (asker: Asker, login: object) => {
    while (true) {
      const began = performance.now();
      await asker.ask(login, 2);
      gauge.add(performance.now() - began);
      await asker.ask({ msgid: 3 }, 17);
    }
  };
  const askers = await Promise.all(users.map((_, i) => Asker.connect(ports[i % ports.length]!)));
  askers.forEach((asker, i) => {
    const id = users[i]!;
    logInAndOut(asker, by === "token" ? loginFrame(id) : { msgid: 1, v: 2, id, password: PASSWORD });
  });
  return { mark: () => gauge.read() };
});
