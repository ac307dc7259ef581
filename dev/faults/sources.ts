/** The top of the repository, with a slash. */
export const ROOT = new URL("../../", import.meta.url).pathname;
/** What a server is made of, below it. */
export const SOURCES = ["main.ts", "deno.json", "deno.lock", "server", "sql"];
