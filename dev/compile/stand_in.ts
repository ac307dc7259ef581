// deno-lint-ignore-file no-console -- a program for tests
/** Packed by `compile_test.ts` in place of the real programs: does what its first argument says. */
const [what, ...rest] = Deno.args;

switch (what) {
  case "cat":
    await Deno.stdin.readable.pipeTo(Deno.stdout.writable);
    break;
  case "exit":
    Deno.exit(Number(rest[0]));
    break;
  case "wait":
    Deno.addSignalListener("SIGTERM", () => {
      console.log("stopping");
      Deno.exit(7);
    });
    setInterval(() => {}, 1000);
    console.log(Deno.pid);
    break;
  case "read":
    await Deno.readTextFile(rest[0] ?? "");
    break;
  default: {
    const env = Object.keys(Deno.env.toObject()).filter((name) => /^(DENO|NODE|_cs)_/.test(name)).sort();
    console.log(
      JSON.stringify({ args: Deno.args, pid: Deno.pid, cwd: Deno.cwd(), exec: Deno.execPath(), env }),
    );
  }
}
