import about from "../deno.json" with { type: "json" };

/** The version of this release, as deno.json states it. */
export const VERSION: string = about.version;

/** What a program prints for `--version`: `chat-client 0.1.0 (deno 2.9.6)`. */
export function versionLine(program: string, options: { deno: string }): string {
  return `${program} ${VERSION} (deno ${options.deno})`;
}
