import { readIndex } from "../../archive/index-file.ts";
import type { IndexEntry } from "../../archive/format.ts";
import { LifeboatError } from "../../errors.ts";
import { fetchIndex } from "../catalogue/fetch.ts";
import { findBackup, type Wanted } from "../catalogue/find.ts";
import { pathBelowSources, PATHS_HINT } from "../catalogue/paths.ts";
import { bytesOf, printable } from "../../sources/names.ts";
import { openReaderSpool } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";

/** One entry as a line of JSON, as it stands in the index itself. */
export { formatEntry } from "../../archive/index-file.ts";
export type { IndexEntry } from "../../archive/format.ts";

/**
 * Gives every entry of a backup at or below `path` (as `pathBelowSources` takes it), from its index alone.
 * `warn` is told what a person must read about the choice.
 * Rejects with "not-found" if the backup has nothing there.
 */
export async function* listEntries(
  wanted: Wanted & { readonly path?: string },
  tools: Tools,
  warn: (sentence: string) => void,
  signal: AbortSignal,
): AsyncGenerator<IndexEntry> {
  const { config, keys } = tools;
  const below = pathBelowSources(wanted.path ?? "", config.sources);
  const found = await findBackup(wanted, tools, { warn, say: (sentence) => tools.log.info(sentence) }, signal);
  await using spool = await openReaderSpool(config.state);
  const wantedPath = bytesOf(below === "" ? "backup" : `backup/${below}`);
  let matched = false;
  for await (const entry of readIndex(await fetchIndex(found, spool, tools, signal), keys, signal)) {
    if (!isAtOrBelow(entry.path, wantedPath)) continue;
    matched = true;
    yield entry;
  }
  if (!matched) {
    const problem = `backup '${found.backup.receipt.id}' has no '${printable(below)}'`;
    throw new LifeboatError("not-found", problem, { hint: PATHS_HINT });
  }
}

function isAtOrBelow(path: Buffer, folder: Buffer): boolean {
  if (!path.subarray(0, folder.length).equals(folder)) return false;
  return path.length === folder.length || path[folder.length] === "/".charCodeAt(0);
}
