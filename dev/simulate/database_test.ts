import { kindsContract } from "../../server/stores/kinds_contract_suite.ts";
import type { NewMessage, Page, Store } from "../../server/stores/store.ts";
import { Tables } from "./database.ts";

kindsContract("the simulation's tables", () => {
  const tables = new Tables({ name: "sim", secret: "secret", log: "log" });
  let at = 1000;
  // What the suite calls.
  const store = {
    accounts: {
      create: (name: string, password: string) => Promise.resolve(tables.createAccount(name, password)),
    },
    social: {
      friends: (user: number) => Promise.resolve(tables.friends(user)),
      createGroup: (group: Parameters<Store["social"]["createGroup"]>[0]) =>
        Promise.resolve(tables.createGroup(group)),
      joinGroup: (group: number, user: number) => Promise.resolve(tables.joinGroup(group, user)),
    },
    log: {
      append: (message: NewMessage) => Promise.resolve(tables.append([message], at++)[0]!),
      read: (page: Page) => Promise.resolve(tables.read(page)),
      reactions: (range: Parameters<Store["log"]["reactions"]>[0]) =>
        Promise.resolve(tables.reactions(range)),
    },
  } as unknown as Store;
  return Promise.resolve({ store, [Symbol.asyncDispose]: () => Promise.resolve() });
});
