/**
 * The floor: the least that any chat server does. Parses a frame, looks its receiver up, forwards it; stores
 * nothing, checks nothing, answers nobody. Speaks just enough of the protocol for the load to log in.
 */
const receivers = new Map<number, Deno.Conn>();
const utf8 = new TextEncoder();

async function serve(conn: Deno.TcpConn): Promise<void> {
  conn.setNoDelay(true);
  const buffer = new Uint8Array(16 * 1024);
  const decoder = new TextDecoder();
  let rest = "";
  while (true) {
    const count = await conn.read(buffer);
    if (count === null) return;
    const lines = (rest + decoder.decode(buffer.subarray(0, count))).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const frame = JSON.parse(line);
      if (frame.msgid === 1) {
        receivers.set(frame.id, conn);
        await conn.write(utf8.encode('{"msgid":2,"errno":0}\n'));
      } else {
        await receivers.get(frame.toid)?.write(utf8.encode(JSON.stringify(frame) + "\n"));
      }
    }
  }
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
Deno.stdout.writeSync(utf8.encode(`listening on 127.0.0.1:${listener.addr.port}\n`));
for await (const conn of listener) {
  // A connection that breaks is the end of a measurement.
  serve(conn).catch(() => conn.close());
}
