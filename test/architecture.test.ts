import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, test } from "node:test";

/**
 * Which room may know which. A room is a folder of src, or a file beside them without its ".ts".
 * `types` names what may be imported for its types only: contracts and shared words, gone when the program runs.
 */
const rooms: Readonly<Record<string, { readonly may: readonly string[]; readonly types?: readonly string[] }>> = {
  main: { may: ["cli"] },
  cli: { may: ["assemble", "world", "run", "plan", "config", "report", "system", "version"] },
  // The one place that knows which implementation stands behind each contract.
  assemble: {
    may: ["run", "plan", "config", "sources", "quiesce", "archive", "targets", "report", "system", "version", "world"],
  },
  run: { may: ["plan", "config", "sources", "quiesce", "archive", "targets", "report", "system"] },
  plan: { may: ["config"], types: ["sources/source.ts", "archive/format.ts"] },
  config: { may: ["system/secret.ts"] },
  sources: { may: ["system"] },
  quiesce: { may: ["system"], types: ["sources/source.ts", "sources/server-container.ts"] },
  archive: { may: ["system"], types: ["sources/source.ts"] },
  targets: { may: ["system"], types: ["sources/source.ts"] },
  report: { may: ["system"], types: ["sources/source.ts"] },
  system: { may: [] },
  errors: { may: [] },
  version: { may: [] },
  // What the settings are read against: files, the host's name, the engine's word.
  world: { may: ["config", "quiesce", "system"] },
};

/** The wings of `run`, and which of the others each may know. */
const wings: Readonly<Record<string, readonly string[]>> = {
  // What every run needs, and what is at the targets: they know no other wing.
  conduct: [],
  catalogue: ["conduct"],
  "in-place": ["conduct", "catalogue"],
  rows: ["conduct", "catalogue", "in-place"],
  // Ends what a dead run left: restores in place, and databases of restored rows.
  recovery: ["conduct", "in-place", "rows"],
  restore: ["conduct", "catalogue", "in-place"],
  keep: ["conduct", "catalogue", "in-place"],
  backup: ["conduct", "catalogue", "recovery", "keep"],
  look: ["conduct", "catalogue", "in-place", "backup"],
  daemon: ["conduct", "catalogue", "in-place", "recovery"],
};

/** What only some files may use, because everything else must stay testable without the world. */
const reserved: readonly { readonly what: string; readonly pattern: RegExp; readonly only: RegExp }[] = [
  { what: "child processes", pattern: /["'](node:)?(child_process|execa)["']/, only: /^system\// },
  {
    what: "the environment",
    pattern: /\bprocess\.env\b/,
    only: /^(main|system\/children|system\/failpoint)\.ts$/,
  },
  {
    what: "the clock",
    pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bset(Timeout|Interval)\(|["']node:timers/,
    only: /^system\//,
  },
  {
    what: "files, network and processes",
    pattern: /["']node:(fs|net|http|https|dns|os|worker_threads)\b/,
    only: /^(?!plan\/)/,
  },
];

const src = join(import.meta.dirname, "../src");
const files = globSync("**/*.ts", { cwd: src }).map((path) => ({ path, text: code(join(src, path)) }));

describe("the rooms of src", () => {
  test("are all known", () => {
    assert.deepEqual(
      [...new Set(files.map(({ path }) => roomOf(path)))].filter((room) => !rooms[room]),
      [],
    );
  });

  test("import only the rooms they may know", () => {
    const forbidden = files.flatMap(({ path, text }) =>
      importsOf(path, text)
        .filter((imported) => !mayImport(path, imported))
        .map((imported) => `${path} imports ${imported.typesOnly ? "types of " : ""}${imported.path}`),
    );
    assert.deepEqual(forbidden, []);
  });

  // Types included: two files that need each other's words are one thing in two places.
  test("import one another without going round in circles", () => {
    const graph = new Map(files.map(({ path, text }) => [path, importsOf(path, text).map(({ path }) => path)]));
    assert.deepEqual(circlesOf(graph), []);
  });

  test("have every file of run in a wing that is known", () => {
    const inRun = files.flatMap(({ path }) => (roomOf(path) === "run" ? [path] : []));
    assert.deepEqual(
      inRun.filter((path) => !wings[wingOf(path)]),
      [],
    );
  });

  test("let each wing of run import only the wings it may know", () => {
    const forbidden = files.flatMap(({ path, text }) =>
      importsOf(path, text)
        .filter((imported) => roomOf(path) === "run" && roomOf(imported.path) === "run")
        .filter((imported) => wingOf(imported.path) !== wingOf(path))
        .filter((imported) => !wings[wingOf(path)]?.includes(wingOf(imported.path)))
        .map((imported) => `${path} imports ${imported.path}`),
    );
    assert.deepEqual(forbidden, []);
  });

  test("have wings that know one another without going round in circles", () => {
    assert.deepEqual(circlesOf(new Map(Object.entries(wings))), []);
  });

  for (const { what, pattern, only } of reserved) {
    test(`leave ${what} to the files that may use them`, () => {
      const users = files.filter(({ text }) => pattern.test(text)).map(({ path }) => path);
      assert.deepEqual(
        users.filter((path) => !only.test(path)),
        [],
      );
    });
  }
});

interface Import {
  readonly path: string;
  readonly typesOnly: boolean;
}

function importsOf(path: string, text: string): readonly Import[] {
  const found = text.matchAll(
    /\b(?:import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s*)?["'](\.[^"']+)["']|import\(\s*["'](\.[^"']+)["']/g,
  );
  return [...found].map(([, type, target, dynamic]) => ({
    path: relative(src, join(src, dirname(path), (target ?? dynamic)!)),
    typesOnly: type !== undefined,
  }));
}

function mayImport(path: string, imported: Import): boolean {
  const room = roomOf(path);
  const allowed = rooms[room];
  if (!allowed || roomOf(imported.path) === room || imported.path === "errors.ts") return true;
  if (allowed.may.includes(roomOf(imported.path)) || allowed.may.includes(imported.path)) return true;
  return imported.typesOnly && (allowed.types ?? []).includes(imported.path);
}

function roomOf(path: string): string {
  return path.split("/")[0]!.replace(/\.ts$/, "");
}

function wingOf(path: string): string {
  return path.split("/")[1]!;
}

function circlesOf(graph: ReadonlyMap<string, readonly string[]>): readonly string[] {
  return [...graph.keys()].filter((path) => reaches(graph, path));
}

/** True if `path` imports itself, by however many steps. */
function reaches(graph: ReadonlyMap<string, readonly string[]>, path: string): boolean {
  const seen = new Set<string>();
  const open = [...(graph.get(path) ?? [])];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next === path) return true;
    if (seen.has(next)) continue;
    seen.add(next);
    open.push(...(graph.get(next) ?? []));
  }
  return false;
}

/** The text of a file without its comments, which may speak of anything. */
function code(path: string): string {
  return readFileSync(path, "utf8").replace(/\/\*[\s\S]*?\*\/|(?<!:)\/\/.*$/gm, "");
}
