import type { StoreFactory } from "../../server/stores/contract_suite.ts";
import { kindsContract } from "../../server/stores/kinds_contract_suite.ts";
import { socialContract } from "../../server/stores/social_contract_suite.ts";
import type { Store } from "../../server/stores/store.ts";
import { Tables } from "./database.ts";

const inTables: StoreFactory = () => {
  const tables = new Tables({ name: "sim", secret: "secret", log: "log" });
  let at = 1000;
  const later = <T>(value: T) => Promise.resolve(value);
  // What the suites call.
  const store = {
    accounts: {
      create: (name, password, options) => later(tables.createAccount(name, password, options)),
      find: (by) => later(tables.account(by)),
      setSeen: (users) => later(tables.setSeen(users)),
    },
    social: {
      friends: (user) => later(tables.friends(user)),
      groups: (user, limit) => later(tables.groups(user, limit)),
      group: (group, user) => later(tables.group(group, user)),
      members: (group, page) => later(tables.members(group, page)),
      createGroup: (group, limits) => later(tables.createGroup(group, limits)),
      joinGroup: (group, user, limits) => later(tables.joinGroup(group, user, limits)),
    },
    devices: {
      enter: (device) => later({ isFull: !tables.enterDevice(device), before: [] }),
    },
    log: {
      append: (message) => later(tables.append([message], at++)[0]!),
      read: (page) => later(tables.read(page)),
      reactions: (range) => later(tables.reactions(range)),
      hasMoreThan: (user, count) => later(tables.conversations(user).length > count),
      conversationsOf: (owner, convs) => later(tables.conversationsOf(owner, convs)),
      conversationPage: (owner, page) => later(tables.conversationPage(owner, page)),
    },
  } satisfies { [Part in keyof Store]?: Partial<Store[Part]> };
  return Promise.resolve({
    store: store as unknown as Store,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
};

kindsContract("the simulation's tables", inTables);
socialContract("the simulation's tables", inTables);
