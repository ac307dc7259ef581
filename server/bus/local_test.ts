import { busContract } from "./contract_suite.ts";
import { LocalHub } from "./local.ts";

busContract("one process", () => {
  const hub = new LocalHub();
  return Promise.resolve({
    connect: (events) => Promise.resolve(hub.connect(events)),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});
