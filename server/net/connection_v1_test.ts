import { assert, assertEquals } from "@std/assert";
import { Push } from "../protocol/encode.ts";
import { bench, line, parsed } from "./connection_bench.ts";

const entry = (seq: number, body = '"x"') =>
  new Push({ conv: "u1-2", seq, kind: "chat", sender: 2, senderName: "bob", mid: null, body, at: 0 });

Deno.test("connection: the pace lies between any two frames to a v1 client, and a frame counts after it", async () => {
  const { socket, connection, pass, session } = bench({}, { pace: 5 });
  void connection.run();
  session(1);
  const delivered: number[] = [];
  const push = (seq: number) => connection.push(entry(seq), () => delivered.push(seq));
  push(1);
  assertEquals(connection.writable, false, "what waits for the pace waits in the log");
  connection.reply({ msgid: 16, errno: 109, errmsg: "an answer waits here" });
  push(2);
  const seen = [[1, 0], [1, 0], [2, 1], [2, 1], [3, 1], [3, 2]];
  const at = [0, 4, 1, 4, 1, 5];
  for (const [i, ms] of at.entries()) {
    await pass(ms);
    assertEquals([socket.seen.length, delivered.length], seen[i], `step ${i}`);
  }
  assertEquals([await connection.drained(), connection.writable], [true, true]);
  connection.generation = 2;
  push(3);
  push(4);
  await pass(0);
  assertEquals([socket.seen.length, delivered], [4, [1, 2, 3, 4]], "v2 has no pace");
});

for (const how of ["closes", "breaks", "logs out"] as const) {
  Deno.test(`connection: whether a frame is delivered to a v1 client that ${how} within the pace`, async () => {
    const { socket, connection, pass, session, timers } = bench(
      { login: { logOut: () => Promise.resolve() } },
      { pace: 5 },
    );
    const running = connection.run();
    session(1);
    const delivered: number[] = [];
    connection.push(entry(1), () => delivered.push(1));
    await pass(3);
    if (how === "logs out") socket.send(line({ msgid: 3 }));
    if (how === "breaks") {
      connection.push(entry(2), () => delivered.push(2));
      socket.failing = new Deno.errors.ConnectionReset("gone");
    }
    if (how === "closes") socket.send(null);
    await pass(how === "closes" ? 0 : 1);
    assertEquals(delivered, how === "logs out" ? [1] : []);
    if (how === "breaks") await pass(1);
    if (how === "logs out") socket.send(null);
    await pass(5);
    await running;
    // The frame after the pace found the connection broken; the one before it had been there until then.
    assertEquals([delivered, timers.size], [how === "closes" ? [] : [1], 0]);
  });
}

Deno.test("connection: a long message to a v1 client comes in parts and counts after the last one", async () => {
  const { socket, connection, pass, session } = bench({}, { pace: 5 });
  void connection.run();
  session(1);
  let delivered = 0;
  const text = '\u0001"é名👍'.repeat(300);
  connection.push(entry(1, JSON.stringify(text)), () => delivered++);
  for (let i = 0; delivered === 0 && i < 50; i++) {
    assertEquals([socket.seen.length, delivered], [i, 0]);
    await pass(i === 0 ? 0 : 5);
    if (delivered === 0) assertEquals(socket.seen.length, i + 1);
  }
  const frames = parsed(socket.seen);
  assert(frames.length > 4 && socket.seen.every((frame) => new TextEncoder().encode(frame).length <= 1023));
  const parts = frames.map(({ id, msg }, i) => {
    const prefix = `(${i + 1}/${frames.length}) `;
    assertEquals([id, msg.slice(0, prefix.length)], [2, prefix]);
    return msg.slice(prefix.length);
  });
  assertEquals(parts.join(""), text);
});
