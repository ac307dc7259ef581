import { Counter } from "./counter.ts";
import { Asker } from "./asker.ts";
import { Gauge } from "./gauge.ts";
import { serve } from "./worker.ts";

/** Connections that read pages from anywhere in one conversation, each the next one when the last one has come. */
export interface HistorySettings {
  /** The connections are spread over these. */
  readonly ports: readonly number[];
  /** Ids of the users, one a connection. */
  readonly users: readonly number[];
  readonly conv: string;
  /** How many messages the conversation has. */
  readonly messages: number;
  /** Messages a page. */
  readonly limit: number;
}

/** Fails if pages are not what is meant to be measured. */
async function tryPage({ ports, users, conv, messages, limit }: HistorySettings): Promise<void> {
  const asker = await Asker.connect(ports[0]!);
  await asker.logIn(users[0]!);
  const page = await asker.ask({ msgid: 20, conv, before: messages, limit }, 21);
  if (!Array.isArray(page.messages) || page.messages.length !== limit) throw new Error("not a whole page");
  await asker.ask({ msgid: 3 }, 17);
  asker.close();
}

await serve(async (settings: HistorySettings) => {
  const { ports, users, conv, messages, limit } = settings;
  await tryPage(settings);
  const gauge = new Gauge();
  await Promise.all(users.map(async (user, i) => {
    const client = await Counter.logIn(ports[i % ports.length]!, user);
    let began = 0;
    const ask = () => {
      began = performance.now();
      const before = limit + 1 + Math.floor(Math.random() * (messages - limit));
      client.send(`{"msgid":20,"conv":"${conv}","before":${before},"limit":${limit}}\n`);
    };
    client.onFrame = (msgid) => {
      if (msgid !== 21) return;
      gauge.add(performance.now() - began);
      ask();
    };
    ask();
  }));
  return { mark: () => gauge.read() };
});
