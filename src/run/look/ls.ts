import type { IndexEntry } from "../../archive/format.ts";
import { LifeboatError } from "../../errors.ts";
import { findBackup, type Wanted } from "../catalogue/find.ts";
import { IndexMemory } from "../catalogue/index-memory.ts";
import { entryOn, linesOfPaths, type IndexLine } from "../catalogue/index-paths.ts";
import { openIndexOf } from "../catalogue/open-index.ts";
import { pathBelowSources, PATHS_HINT } from "../catalogue/paths.ts";
import { printable, type ByteString } from "../../sources/names.ts";
import { openReaderSpool } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";
import { sortedLines } from "./sorted-lines.ts";

/** One entry as a line of JSON, as it stands in the index itself. */
export { formatEntry } from "../../archive/index-file.ts";
export type { IndexEntry } from "../../archive/format.ts";

/**
 * Gives every entry of a backup at or below `path` (as `pathBelowSources` takes it), many at a time, from its index
 * alone, in the order of their paths, byte by byte: a folder before what is in it.
 * `warn` is told what a person must read about the choice.
 * Rejects with "not-found" if the backup has nothing there.
 */
export async function* listEntries(
  wanted: Wanted & { readonly path?: string },
  tools: Tools,
  warn: (sentence: string) => void,
  signal: AbortSignal,
): AsyncGenerator<readonly IndexEntry[]> {
  const { config } = tools;
  const below = pathBelowSources(wanted.path ?? "", config.sources);
  const found = await findBackup(wanted, tools, { warn, say: (sentence) => tools.log.info(sentence) }, signal);
  await using spool = await openReaderSpool(config.state);
  await using index = await openIndexOf(found, { memory: new IndexMemory(config.state, tools), spool, tools }, signal);
  const name = found.backup.receipt.index.key;
  const wantedPath = below === "" ? ROOT : `${ROOT}/${below}`;
  const lines = only(linesOfPaths(index.lines(), name), ({ path }) => isAtOrBelow(path, wantedPath));
  let matched = false;
  for await (const batch of sortedLines(lines, { folder: spool.folder, name }, signal)) {
    matched ||= batch.length > 0;
    yield batch.map((line) => entryOn(line, name));
  }
  if (!matched) {
    const problem = `backup '${found.backup.receipt.id}' has no '${printable(below)}'`;
    throw new LifeboatError("not-found", problem, { hint: PATHS_HINT });
  }
}

const ROOT = "backup";

function isAtOrBelow(path: ByteString, folder: ByteString): boolean {
  return path === folder || (path.startsWith(folder) && path[folder.length] === "/");
}

async function* only(
  lines: AsyncIterable<readonly IndexLine[]>,
  isWanted: (line: IndexLine) => boolean,
): AsyncGenerator<readonly IndexLine[], void> {
  for await (const batch of lines) yield batch.filter(isWanted);
}
