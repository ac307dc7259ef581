/** What a load does when it is told to, by the name of the command. */
export type Commands = Readonly<Record<string, () => unknown>>;

const utf8 = new TextEncoder();

/**
 * The frame of a load, in a process of its own. The first line on stdin is its settings as JSON; it prints a line when
 * everything is ready. Each further line is a command, answered by a line of JSON. It ends when stdin does, so that it
 * does not outlive the bench.
 */
export async function serve<Settings>(begin: (settings: Settings) => Promise<Commands>): Promise<void> {
  let commands: Commands | undefined;
  for await (const line of lines()) {
    if (commands === undefined) {
      commands = await begin(JSON.parse(line));
      answer("ready");
      continue;
    }
    const command = commands[line];
    if (command === undefined) throw new Error(`this load knows no ${line}`);
    answer(await command() ?? null);
  }
  Deno.exit(0);
}

async function* lines(): AsyncGenerator<string> {
  let text = "";
  for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      yield text.slice(0, end);
      text = text.slice(end + 1);
    }
  }
}

function answer(value: unknown): void {
  Deno.stdout.writeSync(utf8.encode(JSON.stringify(value) + "\n"));
}
