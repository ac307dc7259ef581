import { clientCommand } from "./client_process.ts";
import { ServerProcess } from "./server_process.ts";
import { TerminalProcess } from "./terminal_process.ts";

const ignore = !await TerminalProcess.isPossible();

const CTRL_C = "\x03";
const CTRL_Z = "\x1a";

/** The prompt stands there, and the line editor reads keys. */
const PROMPT = /choice: \S*$/;

Deno.test({
  name: "terminal: Ctrl-Z gives the shell back, fg the client, which goes on where it was",
  ignore,
  async fn() {
    await using server = await ServerProcess.start("--db=sqlite::memory:");
    await using terminal = new TerminalProcess();
    const { command, args } = clientCommand([`127.0.0.1:${server.port}`]);
    await terminal.sees(/ready\$ /);
    await terminal.press([command, ...args].map((word) => `'${word}'`).join(" ") + "\r");
    await terminal.sees(PROMPT);
    await terminal.press(CTRL_Z);
    await terminal.sees(/Stopped[^]*ready\$ /);
    await terminal.press("stty -a | grep -o -- '-\\?icanon'\r");
    await terminal.sees(/[\r\n]icanon\r\n[^]*ready\$ /);
    await terminal.press("fg\r");
    await terminal.sees(PROMPT);
    await terminal.press("2\r");
    await terminal.sees(/name: \S*$/);
    await terminal.press(CTRL_C);
    await terminal.sees(/ready\$ /);
  },
});

Deno.test({
  name: "terminal: Ctrl-Z under `deno task client` does not hang the terminal",
  ignore,
  async fn() {
    await using server = await ServerProcess.start("--db=sqlite::memory:");
    await using terminal = new TerminalProcess();
    await terminal.sees(/ready\$ /);
    await terminal.press(`'${Deno.execPath()}' task -q client 127.0.0.1:${server.port}\r`);
    await terminal.sees(PROMPT);
    await terminal.press(CTRL_Z);
    await terminal.sees(/Ctrl-Z is ignored here/);
    await terminal.sees(PROMPT);
    await terminal.press("3\r");
    await terminal.sees(/ready\$ /);
    await terminal.press("stty -a | grep -o -- '-\\?icanon'\r");
    await terminal.sees(/[\r\n]icanon\r\n/);
  },
});
