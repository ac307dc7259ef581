// deno-lint-ignore-file no-console -- a command-line tool
/**
 * Who may import whom, checked on the module graph: `deno task layers`. Prints each violation as
 * `from → to: why` and exits with 1 if there is one.
 */
import { fileURLToPath, pathToFileURL } from "node:url";

/** A part of the repository and what its production files may import, beside each other. */
interface Rule {
  /** A file, or a folder ending in `/`. Of several that match a file the longest counts. */
  readonly room: string;
  /**
   * Files, folders ending in `/`, `@std`, `npm:name`, `node:name` or `node:*`. After `type `, only by `import type`.
   * `*` is everything but dev.
   */
  readonly may: readonly string[];
  /** Words that must not stand in its code. */
  readonly not?: readonly string[];
}

const WIRE = ["server/protocol/", "server/errors.ts"];
/** What every room of the server may import. */
const SERVER = [...WIRE, "server/bounds.ts", "server/system.ts", "server/pauses.ts"];

/** What nodes tell each other, and where. */
const TOLD = ["server/bus/channels.ts", "server/bus/envelope.ts"];

export const RULES: readonly Rule[] = [
  {
    room: "main.ts",
    may: [
      "server/app.ts",
      "server/config.ts",
      "server/errors.ts",
      "server/ops/",
      "server/version.ts",
      "@std",
      "node:worker_threads",
    ],
  },
  { room: "server/app.ts", may: ["server/", "@std", "node:*"] },
  {
    room: "server/node.ts",
    may: [
      "server/net/router.ts",
      "server/services/",
      "server/bus/",
      "server/stores/store.ts",
      "type server/ops/",
      "server/ops/outage.ts",
      "type server/config.ts",
      "type server/system.ts",
    ],
    not: ["Deno."],
  },
  { room: "server/config.ts", may: ["server/errors.ts", "server/nearest.ts", "npm:zod", "@std"] },
  { room: "server/nearest.ts", may: [] },
  { room: "server/errors.ts", may: ["npm:zod", "@std"] },
  { room: "server/bounds.ts", may: [] },
  { room: "server/system.ts", may: ["node:crypto"] },
  { room: "server/pauses.ts", may: ["server/system.ts"] },
  { room: "server/net/", may: [...SERVER, "type server/services/", "type server/ops/", "@std"] },
  { room: "server/version.ts", may: ["deno.json"] },
  {
    room: "server/services/",
    may: [
      ...SERVER,
      "server/stores/store.ts",
      "server/bus/bus.ts",
      ...TOLD,
      "@std",
      "node:crypto",
      "node:buffer",
      "npm:unhomoglyph",
    ],
    not: ["Deno."],
  },
  { room: "server/stores/store.ts", may: WIRE },
  {
    room: "server/stores/",
    may: [...WIRE, "sql/", "node:crypto", "node:sqlite", "node:worker_threads", "npm:mysql2"],
  },
  { room: "server/bus/bus.ts", may: WIRE },
  { room: "server/bus/", may: [...SERVER, "npm:redis", "npm:zod", "node:crypto", "node:buffer"] },
  { room: "server/protocol/", may: ["server/errors.ts", "npm:zod"] },
  { room: "server/ops/", may: ["server/errors.ts", "server/system.ts", "@std", "node:*"] },
  // An import fills a store, with passwords hashed as the server does it, from a database that is not one of its own.
  {
    room: "server/ops/import/",
    may: [
      ...WIRE,
      "server/nearest.ts",
      "server/stores/",
      "server/services/passwords.ts",
      "@std",
      "node:crypto",
      "node:sqlite",
      "npm:mysql2",
    ],
  },
  {
    room: "client/",
    may: [...WIRE, "server/version.ts", "npm:zod", "@std", "node:readline", "node:process", "node:stream"],
  },
  // The judge knows nothing of what it judges.
  { room: "dev/proof/", may: ["npm:zod", "@std"] },
  { room: "dev/", may: ["*", "dev/"] },
];

/** One import. Files are relative to the repository's top; packages are named as in {@linkcode Rule}. */
export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

/** What is checked. */
export interface Graph {
  /** Every module of the repository. */
  readonly files: readonly string[];
  readonly edges: readonly Edge[];
  /** The text of files; only those are needed whose rule forbids words. */
  readonly texts: ReadonlyMap<string, string>;
}

/** Everything in the graph that the rules forbid, as `from → to: why`. */
export function check(graph: Graph, rules: readonly Rule[] = RULES): string[] {
  return [
    ...graph.edges.flatMap((edge) => whyNot(edge, rules).map((why) => `${edge.from} → ${edge.to}: ${why}`)),
    ...graph.files.flatMap((file) => checkFile(file, { graph, rules })),
    ...cycles(graph.edges.filter(({ from, to, typeOnly }) => !typeOnly && !isTest(from) && !isTest(to)))
      .map((path) => `${path.join(" → ")}: a circle`),
  ];
}

function whyNot({ from, to, typeOnly }: Edge, rules: readonly Rule[]): string[] {
  if (inDev(to) && !inDev(from)) return ["nothing outside dev/ imports dev/"];
  if (isTest(from)) return [];
  if (isTest(to) && !inDev(from)) return ["a production file imports a test file"];
  const rule = ruleOf(from, rules);
  if (rule === undefined || matches(rule.room, to)) return [];
  const valueAllowed = rule.may.some((pattern) => matches(pattern, to));
  const typeAllowed = rule.may.some((pattern) => matches(pattern.replace(/^type /, ""), to));
  if (valueAllowed || (typeAllowed && typeOnly)) return [];
  if (typeAllowed) return [`${rule.room} may only \`import type\` this`];
  return [`${rule.room} may import only ${rule.may.join(", ")}`];
}

function checkFile(file: string, { graph, rules }: { graph: Graph; rules: readonly Rule[] }): string[] {
  if (isTest(file)) return [];
  const rule = ruleOf(file, rules);
  if (rule === undefined) return [`${file} → (no room): say in dev/layers.ts what it may import`];
  const code = withoutComments(graph.texts.get(file) ?? "");
  return (rule.not ?? []).filter((word) => new RegExp(`\\b${RegExp.escape(word)}`).test(code))
    .map((word) => `${file} → ${word}: not in ${rule.room}`);
}

function ruleOf(file: string, rules: readonly Rule[]): Rule | undefined {
  return rules.filter(({ room }) => matches(room, file)).sort((a, b) => b.room.length - a.room.length)[0];
}

function matches(pattern: string, name: string): boolean {
  if (pattern === "*") return !inDev(name);
  if (pattern.endsWith(":*")) return name.startsWith(pattern.slice(0, -1));
  return pattern === name || (pattern.endsWith("/") && name.startsWith(pattern));
}

const inDev = (file: string) => file.startsWith("dev/");
const isTest = (file: string) => /(_test|_suite)\.ts$|(^|\/)test_[^/]*\.ts$/.test(file);

/** Good enough for a word search: a `//` in a string hides the rest of its line. */
function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, " ");
}

/** Each way round that a depth-first walk meets, once: a, b, …, a. */
function cycles(edges: readonly Edge[]): string[][] {
  const next = Map.groupBy(edges, ({ from }) => from);
  const done = new Set<string>();
  const path: string[] = [];
  const found: string[][] = [];
  const visit = (file: string) => {
    const at = path.indexOf(file);
    if (at >= 0) found.push([...path.slice(at), file]);
    if (at >= 0 || done.has(file)) return;
    path.push(file);
    for (const { to } of next.get(file) ?? []) visit(to);
    path.pop();
    done.add(file);
  };
  for (const file of next.keys()) visit(file);
  return found;
}

/** The parts of `deno info --json` that are used. */
interface Info {
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly specifier: string;
      readonly code?: { readonly specifier?: string };
      readonly type?: { readonly specifier?: string };
    }[];
  }[];
}

/** Reads the graph of every TypeScript file below `root`, an absolute path ending in `/`. */
export async function readGraph(root: string): Promise<Graph> {
  const files: string[] = [];
  for (const place of ["", "server/", "client/", "dev/"]) {
    files.push(...await typescript(root, { folder: place, deep: place !== "" }));
  }
  const local = new Set(files);
  const info = await moduleInfo(root, files);
  const edges = info.modules.flatMap(({ specifier, dependencies }) => {
    const from = nameOf(specifier, root);
    if (!local.has(from)) return [];
    return (dependencies ?? []).map((dependency): Edge => ({
      from,
      to: nameOf((dependency.code ?? dependency.type)?.specifier ?? dependency.specifier, root),
      typeOnly: dependency.code === undefined,
    }));
  });
  const texts = new Map<string, string>();
  for (const file of files) {
    if (ruleOf(file, RULES)?.not !== undefined) texts.set(file, await Deno.readTextFile(root + file));
  }
  return { files, edges, texts };
}

async function typescript(
  root: string,
  { folder, deep }: { folder: string; deep: boolean },
): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const entry of Deno.readDir(root + folder)) {
      const path = folder + entry.name;
      if (entry.isFile && path.endsWith(".ts")) found.push(path);
      else if (entry.isDirectory && deep && entry.name !== "node_modules") {
        found.push(...await typescript(root, { folder: `${path}/`, deep }));
      }
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return found.sort();
}

/** One `deno info` for all: of a module that imports each file. The lock file is a copy, and stays as it is. */
async function moduleInfo(root: string, files: readonly string[]): Promise<Info> {
  const folder = await Deno.makeTempDir({ prefix: "chat-layers-" });
  try {
    const all = files.map((file) => `import ${JSON.stringify(pathToFileURL(root + file).href)};\n`);
    await Deno.writeTextFile(`${folder}/all.ts`, all.join(""));
    await Deno.copyFile(`${root}deno.lock`, `${folder}/deno.lock`);
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", `--config=${root}deno.json`, `--lock=${folder}/deno.lock`, `${folder}/all.ts`],
    }).output();
    if (!success) throw new Error(`deno info failed: ${new TextDecoder().decode(stderr).trim()}`);
    return JSON.parse(new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A specifier as the rules name it; the standard library is `@std` from wherever it comes. */
function nameOf(specifier: string, root: string): string {
  if (specifier.startsWith("file:")) {
    const path = fileURLToPath(specifier);
    return path.startsWith(root) ? path.slice(root.length) : path;
  }
  if (/^(jsr:\/?@std\/|npm:\/?deno-std\b)/.test(specifier)) return "@std";
  const npm = /^npm:\/?((?:@[^/]+\/)?[^@/]+)/.exec(specifier);
  return npm === null ? specifier : `npm:${npm[1]}`;
}

if (import.meta.main) {
  const graph = await readGraph(fileURLToPath(new URL("../", import.meta.url)));
  const violations = check(graph);
  for (const violation of violations) console.error(violation);
  if (violations.length > 0) Deno.exit(1);
  console.log(`layers: ${graph.files.length} files, ${graph.edges.length} imports, no violation`);
}
