/** A folder of this user's for what tests may keep from one run to the next; made if it is not there. */
export async function cacheFolder(): Promise<string> {
  const home = Deno.env.get("HOME");
  const caches = Deno.env.get("XDG_CACHE_HOME") ?? (home ? `${home}/.cache` : "/tmp");
  const folder = `${caches}/chat-cluster-tests-${Deno.uid()}`;
  await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}
