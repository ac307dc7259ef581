import { Asker } from "./load/asker.ts";
import { PASSWORD } from "./population.ts";

/** Registers somebody, logs in, and sends oneself a message: all that a server has to do the first time. */
export async function firstMessage(port: number): Promise<void> {
  const asker = await Asker.connect(port);
  const { id } = await asker.ask({ msgid: 4, v: 2, name: `first ${Date.now()}`, password: PASSWORD }, 5);
  await asker.ask({ msgid: 1, v: 2, id, password: PASSWORD }, 2);
  await asker.ask({ msgid: 6, toid: id, msg: "hello", mid: "1" }, 12);
  asker.close();
}
