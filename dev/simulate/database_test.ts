import { kindsContract } from "../../server/stores/kinds_contract_suite.ts";
import type { Store } from "../../server/stores/store.ts";
import { Tables } from "./database.ts";

kindsContract("the simulation's tables", () => {
  const tables = new Tables({ name: "sim", secret: "secret", log: "log" });
  let at = 1000;
  // What the suite calls.
  const store = {
    accounts: { create: (name, password) => Promise.resolve(tables.createAccount(name, password)) },
    social: {
      createGroup: (group) => Promise.resolve(tables.createGroup(group)),
      joinGroup: (group, user) => Promise.resolve(tables.joinGroup(group, user)),
    },
    log: {
      append: (message) => Promise.resolve(tables.append([message], at++)[0]!),
      read: (page) => Promise.resolve(tables.read(page)),
      reactions: (range) => Promise.resolve(tables.reactions(range)),
    },
  } as { [Part in keyof Store]: Partial<Store[Part]> };
  return Promise.resolve({ store: store as Store, [Symbol.asyncDispose]: () => Promise.resolve() });
});
