import { readIndex } from "../../archive/index-file.ts";
import type { IndexEntry } from "../../archive/format.ts";
import { LifeboatError } from "../../errors.ts";
import { fetchIndex } from "../catalogue/fetch.ts";
import { findBackup, type Wanted } from "../catalogue/find.ts";
import { openReaderSpool } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";

/** One entry as a line of JSON, as it stands in the index itself. */
export { formatEntry } from "../../archive/index-file.ts";
export type { IndexEntry } from "../../archive/format.ts";

/**
 * Gives every entry of a backup at or below `path` (relative to the sources, as restored), from its index alone.
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
  const found = await findBackup(wanted, tools, { warn, say: (sentence) => tools.log.info(sentence) }, signal);
  await using spool = await openReaderSpool(config.state);
  const wantedPath = Buffer.from(["backup", wanted.path?.replace(/^\.?\/+|\/+$/g, "")].filter(Boolean).join("/"));
  let matched = false;
  for await (const entry of readIndex(await fetchIndex(found, spool, tools, signal), keys, signal)) {
    if (!isAtOrBelow(entry.path, wantedPath)) continue;
    matched = true;
    yield entry;
  }
  if (!matched) {
    throw new LifeboatError("not-found", `backup '${found.backup.receipt.id}' has no '${wanted.path}'`, {
      hint: "Paths are relative to BACKUP_SOURCES; `lifeboat ls ID` without a path shows all of them.",
    });
  }
}

function isAtOrBelow(path: Buffer, folder: Buffer): boolean {
  if (!path.subarray(0, folder.length).equals(folder)) return false;
  return path.length === folder.length || path[folder.length] === "/".charCodeAt(0);
}
