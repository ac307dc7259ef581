import { assert, assertEquals } from "@std/assert";
import { join, logIn, register, type TestServer, type User } from "./harness.ts";
import { OldProgram } from "./old_program.ts";

interface Person {
  readonly id: number;
  readonly name: string;
  readonly password: string;
}

/** A server, and where programs of old connect to: it, or what stands before it. */
export class Place implements AsyncDisposable {
  readonly #server: TestServer;
  readonly #port: number;
  readonly #prompt: boolean;
  readonly #users = new AsyncDisposableStack();

  /** @param options `prompt`: whether programs of old run as soon as they are ready. */
  constructor(server: TestServer, options: { port: number; prompt: boolean }) {
    this.#server = server;
    this.#port = options.port;
    this.#prompt = options.prompt;
  }

  /** A program of old that has connected. */
  start(): OldProgram {
    return OldProgram.start(this.#port, { prompt: this.#prompt });
  }

  /** Somebody who is registered. */
  async someone(): Promise<Person> {
    const name = newName();
    const password = `pw ${name}`;
    return { id: await register(this.#server, name, password), name, password };
  }

  /** Somebody who is logged in for as long as the place is there, directly; not with a program of old. */
  async join(v: 1 | 2 = 2): Promise<User> {
    return this.#users.use(await join(this.#server, newName(), v));
  }

  /** With another program somebody accepts friend requests, and takes all that is waiting. */
  async accept(who: Person, askers: readonly Person[]): Promise<void> {
    await using user = await logIn(this.#server, who);
    for (const { id } of askers) {
      const mid = newName();
      const { conv, seq } = await user.wire.ask({ msgid: 8, friendid: id, flag: true, mid }, 12);
      await user.wire.send({ msgid: 13, conv, seq, kind: "read" });
    }
    await user.wire.ask({ msgid: 3 }, 17);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#users.disposeAsync();
  }
}

/** What happens to a program of old, again and again. */
export type Story = () => Promise<void>;

/** What happens to a program of old; what has to be there before is made once. */
export const STORIES: Record<string, (place: Place) => Promise<Story>> = {
  "16 friends": (place) => withFriends(place, 16),
  "200 friends": (place) => withFriends(place, 200),

  "1,000 waiting messages": async (place) => {
    const [old, ann] = [await place.someone(), await place.join()];
    return async () => {
      await say(ann, old.id, numbered(1000));
      await using program = place.start();
      const { missed } = await program.logIn(old);
      const rest = await program.hearAll(6, 1000 - missed.length);
      assertEquals([...missed, ...rest].map(({ msg }) => msg), numbered(1000));
      assert(missed.length > 0, "as many as fit are in the answer");
      await program.hearNothing();
      await logOut(program, old);
    };
  },

  "50 pasted lines": async (place) => {
    const [old, ann] = [await place.someone(), await place.join(1)];
    return async () => {
      await using program = place.start();
      await program.logIn(old);
      const lines = numbered(50).map((msg) =>
        JSON.stringify({ msgid: 6, id: ann.id, toid: old.id, msg }) + "\0"
      );
      await ann.wire.send(lines.join(""));
      assertEquals((await program.hearAll(6, 50)).map(({ msg }) => msg), numbered(50));
      await logOut(program, old);
    };
  },

  "ten people at once": async (place) => {
    const old = await place.someone();
    const others = await Promise.all(Array.from({ length: 10 }, () => place.join()));
    return async () => {
      await using program = place.start();
      await program.logIn(old);
      await Promise.all(others.map((other) => say(other, old.id, numbered(10))));
      const heard = await program.hearAll(6, 100);
      for (const { id } of others) {
        assertEquals(heard.filter((frame) => frame.id === id).map(({ msg }) => msg), numbered(10));
      }
      await logOut(program, old);
    };
  },

  "a group of 50": async (place) => {
    const old = await place.someone();
    const members = await Promise.all(Array.from({ length: 49 }, () => place.join()));
    const [creator, ...others] = members;
    const groupname = newName();
    const group = { msgid: 9, groupname, groupdesc: "描述".repeat(50) };
    const { groupid } = await creator!.wire.ask(group, 18);
    for (const { wire } of others) await wire.ask({ msgid: 10, groupid }, 19);
    await using program = place.start();
    await program.logIn(old);
    program.say({ id: old.id, msgid: 10, groupid });
    await logOut(program, old);
    return async () => {
      await using program = place.start();
      const { ack } = await program.logIn(old);
      const shown = JSON.parse(ack.groups[0]);
      assertEquals([shown.id, shown.groupname], [groupid, groupname]);
      assert(
        shown.users.length > 0 && shown.users.every((user: string) => JSON.parse(user).state === "online"),
      );
      await Promise.all(
        members.map(({ wire }, i) => wire.ask({ msgid: 11, groupid, msg: `${i}`, mid: newName() }, 12)),
      );
      const heard = await program.hearAll(11, members.length);
      assertEquals(new Set(heard.map(({ msg }) => msg)), new Set(members.keys().map(String)));
      await logOut(program, old);
    };
  },

  "messages of 5,000 characters": async (place) => {
    const [old, ann] = [await place.someone(), await place.join()];
    const texts = ["x".repeat(5000), "名".repeat(5000), '👍"\\\u0001é'.repeat(1000)];
    return async () => {
      await say(ann, old.id, texts.slice(0, 1));
      await using program = place.start();
      const { missed } = await program.logIn(old);
      assertEquals(missed, []);
      await say(ann, old.id, texts.slice(1));
      for (const text of texts) assertEquals(await inParts(program), text);
      await logOut(program, old);
    };
  },

  "odd registrations and logins": async (place) => {
    const { id } = await place.someone();
    return async () => {
      await using program = place.start();
      const right = { name: newName(), password: "secret" };
      const long = "x".repeat(300);
      for (const name of ["", " a", "a ", " ", "a\tb", "a\u0001b", "a\u2028b", long]) {
        program.say({ msgid: 4, ...right, name });
        const { errno } = await program.hear(5);
        assert(errno !== 0, `registered as ${JSON.stringify(name)}`);
      }
      for (const password of ["", long]) {
        program.say({ msgid: 4, ...right, password });
        assert((await program.hear(5)).errno !== 0);
      }
      for (const password of [" a", "a ", "a\u0001b"]) {
        const mine = { name: newName(), password };
        program.say({ msgid: 4, ...mine });
        const { id } = await program.hear(5);
        await program.logIn({ id, password });
        await logOut(program, { id });
      }
      for (const login of [{ password: "" }, { id, password: long }, { id: "x", password: "p" }, { id }]) {
        program.say({ msgid: 1, ...login });
        assert((await program.hear(2)).errno !== 0, JSON.stringify(login));
      }
    };
  },

  "a friend request that waits for its answer": async (place) => {
    const old = await place.someone();
    return async () => {
      const asker = await place.someone();
      const flag = asker.id % 2 === 0;
      await using ann = place.start();
      await ann.logIn(asker);
      await using program = place.start();
      await program.logIn(old);
      ann.say({ msgid: 7, id: asker.id, friendid: old.id });
      const request = await program.hear(7);
      // The program shows nothing of it: the person asks again, and nobody is told of an error.
      ann.say({ msgid: 7, id: asker.id, friendid: old.id });
      await ann.hearNothing();
      for (let i = 0; i < 3; i++) {
        await logOut(program, old);
        const { missed } = await program.logIn(old);
        assertEquals(missed, [request]);
      }
      program.say({ msgid: 8, id: old.id, friendid: asker.id, flag });
      await ann.hear(8);
      await logOut(program, old);
      assertEquals((await program.logIn(old)).missed, []);
      await logOut(program, old);
      if (flag) {
        ann.say({ msgid: 7, id: asker.id, friendid: old.id });
        assertEquals((await ann.hear(16)).errno, 111, "friends already");
      }
    };
  },
};

async function withFriends(place: Place, count: number): Promise<Story> {
  const old = await place.someone();
  const friends = await Promise.all(Array.from({ length: count }, () => place.join()));
  for (const { wire } of friends) await wire.ask({ msgid: 7, friendid: old.id, mid: newName() }, 12);
  await place.accept(old, friends);
  return async () => {
    await using program = place.start();
    const { ack } = await program.logIn(old);
    const shown = ack.friends.map((text: string) => JSON.parse(text));
    assert(shown.length > 10, `${shown.length} are shown`);
    const names = new Map(friends.map(({ id, name }) => [id, name]));
    for (const { id, name, state } of shown) assertEquals([name, state], [names.get(id), "online"]);
    const [first, last] = [friends[0]!, friends.at(-1)!];
    await say(first, old.id, ["from one who is not shown"]);
    await say(last, old.id, ["from one who is"]);
    assertEquals((await program.hearAll(6, 2)).map(({ id }) => id), [first.id, last.id]);
    await logOut(program, old);
  };
}

const newName = () => crypto.randomUUID().slice(0, 18);

const numbered = (count: number) => Array.from({ length: count }, (_, i) => `message ${i}`);

/** Sends messages and waits until all are stored. */
async function say({ wire }: User, toid: number, texts: readonly string[]): Promise<void> {
  const frames = texts.map((msg) => JSON.stringify({ msgid: 6, toid, msg, mid: newName() }) + "\n");
  await wire.send(frames.join(""));
  for (const _ of texts) await wire.next(12);
}

/** A message that is too long for one frame, put together again. */
async function inParts(program: OldProgram): Promise<string> {
  const parts: string[] = [];
  let count = 1;
  while (parts.length < count) {
    const { msg } = await program.hear(6);
    const [prefix = "", n, of] = /^\((\d+)\/(\d+)\) /.exec(msg) ?? [];
    assertEquals(Number(n), parts.length + 1);
    count = Number(of);
    parts.push(msg.slice(prefix.length));
  }
  return parts.join("");
}

/** Back to the menu, where nothing is heard any more. */
async function logOut(program: OldProgram, { id }: { id: number }): Promise<void> {
  program.say({ msgid: 3, id });
  await program.hearNothing();
}
