import { ROOT } from "../faults/sources.ts";

/** One change of a text, that must fit in exactly one place. */
export interface Change {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** Sources that are broken on purpose. */
export interface Broken {
  readonly changes: readonly Change[];
}

/** The folder with the broken sources, which is removed with it. */
export interface Build extends AsyncDisposable {
  readonly folder: string;
}

/**
 * Copies sources and breaks them.
 * @param sources Files and folders at the top of the repository.
 * @throws {Error} if a change does not fit in exactly one place.
 */
export async function build({ changes }: Broken, sources: readonly string[]): Promise<Build> {
  const folder = await Deno.makeTempDir({ prefix: "chat-mutant-" });
  const made = { folder, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
  try {
    for (const name of sources) await copy(ROOT + name, `${folder}/${name}`);
    for (const [file, text] of await changed({ changes })) {
      await Deno.writeTextFile(`${folder}/${file}`, text);
    }
    return made;
  } catch (error) {
    await made[Symbol.asyncDispose]();
    throw error;
  }
}

/** The files that are other than in the repository. @throws {Error} if a change does not fit in exactly one place. */
export async function changed({ changes }: Broken): Promise<ReadonlyMap<string, string>> {
  const texts = new Map<string, string>();
  for (const { file, find, replace } of changes) {
    const parts = (texts.get(file) ?? await Deno.readTextFile(ROOT + file)).split(find);
    if (parts.length !== 2) {
      throw new Error(`${file} has ${parts.length - 1} places like ${JSON.stringify(find)}, not one`);
    }
    texts.set(file, parts.join(replace));
  }
  return texts;
}

async function copy(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) return await Deno.copyFile(from, to);
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) await copy(`${from}/${name}`, `${to}/${name}`);
}
