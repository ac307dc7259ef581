import { VERSION, versionLine } from "../server/version.ts";
import { App } from "./app.ts";
import { readArguments } from "./arguments.ts";
import { systemClock } from "./clock.ts";
import { helpLines } from "./commands.ts";
import { tcpServer } from "./connection.ts";
import { Mids } from "./mids.ts";
import { isTerminal, openScreen } from "./screen.ts";

const USAGE = `usage: chat-client [HOST:PORT]        or HOST PORT; [::1]:6000 for IPv6

Talk to a chat server: without a port the one at port 8888, or else 6000; without a host on this machine. First log in or register from the menu, then type commands:

${helpLines().map((line) => "  " + line).join("\n")}

Lines can also come from a pipe: one answer to a question or one command a line. What is printed then:

  2026-11-22 12:07:21 [2] bob: hello              a message; in a group: … (group 4) [2] bob: hello
  2026-11-22 12:07:21 you to 2: hello             a message that you wrote on another device
  sent to 2 #5: hello                             stored by the server, as number 5 of the conversation
  delivered to 2 up to #5, read by 2 up to #5     your messages so far (… in group 4 up to #5)
  sending… to 2: hello                            not stored after a second, or the connection is down
  not sent to 2: hello                            given up, on leaving
  error 103: no such user (not sent to 2: hello)  refused

Options:
  --device NAME    be a device of this name, beside others that you use at the same time: each gets everything,
                   also what you write on another one. Without a name this client takes over, or is taken over by,
                   every other one without a name. Keep the name: 1 to 40 of 0-9 A-Z a-z _ and -
  --no-suspend     ignore Ctrl-Z, for where it would hang the terminal
  --version        print the version
  --help, -h       print this text

Exit status: 0; 1 if there is no chat server or something was not sent, in a pipe also if something was refused;
2 for wrong arguments.`;

async function main(): Promise<void> {
  const asked = readArguments(Deno.args);
  if ("wrong" in asked) {
    await say(`chat-client: ${asked.wrong}; see chat-client --help`, Deno.stderr);
    Deno.exit(2);
  }
  if (asked.do === "help") return await say(USAGE, Deno.stdout);
  if (asked.do === "version") {
    return await say(versionLine("chat-client", { deno: Deno.version.deno }), Deno.stdout);
  }
  // Nobody reads what is printed any more, so nothing may be taken for shown.
  const screen = openScreen({ failed: () => Deno.exit(1), suspend: asked.suspend });
  const mids = new Mids({ now: () => Date.now(), random: Math.random });
  const app = new App(screen, {
    servers: asked.places.map(({ host, port }) => tcpServer(host, port)),
    clock: systemClock,
    random: Math.random,
    newMid: () => mids.next(),
    ...asked.device !== undefined && {
      device: { device: asked.device, client: `chat-client ${VERSION}` },
    },
    interactive: isTerminal(),
    exit: (code) => void screen.close().finally(() => Deno.exit(code)),
  });
  try {
    await app.start();
  } catch (cause) {
    await screen.close();
    await say(`chat-client: ${cause instanceof Error ? cause.message : String(cause)}`, Deno.stderr);
    Deno.exit(1);
  }
  screen.listen({
    line: (text) => new Promise((taken) => app.post({ type: "line", text, taken })),
    eof: () => app.post({ type: "eof" }),
    interrupt: () => app.post({ type: "interrupt" }),
  });
}

async function say(text: string, stream: { write(bytes: Uint8Array): Promise<number> }): Promise<void> {
  const bytes = new TextEncoder().encode(text + "\n");
  for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
}

if (import.meta.main) await main();
