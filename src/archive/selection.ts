import { LifeboatError } from "../errors.ts";
import type { IndexEntry } from "./format.ts";

/** Which entries are wanted, given the paths a person named. */
export interface Selection {
  readonly has: (entry: IndexEntry) => boolean;
}

/**
 * Selects what is at or below one of `only` ("backup/…", compared byte by byte, whole segments), the folders above it
 * for their owners and modes, and the files that wanted hard links are other names of. Without `only`: everything.
 * Rejects with "not-found" for a path at which the index has nothing.
 */
export async function select(
  only: readonly Buffer[] | undefined,
  readEntries: () => AsyncIterable<IndexEntry>,
): Promise<Selection> {
  if (!only) return { has: () => true };
  const linked = new Set<string>();
  const missing = new Set(only);
  for await (const entry of readEntries()) {
    for (const path of missing) if (isAtOrBelow(entry.path, path)) missing.delete(path);
    if (entry.type !== "hardlink" || !entry.linkTarget) continue;
    if (only.some((path) => isAtOrBelow(entry.path, path))) linked.add(entry.linkTarget.toString("latin1"));
  }
  for (const path of missing)
    throw new LifeboatError(
      "not-found",
      `there is no '${path.toString("utf8").replace(/^backup\//, "")}' in the backup`,
      {
        hint: "`lifeboat ls ID` shows what there is.",
      },
    );
  return {
    has: (entry) =>
      only.some(
        (path) => isAtOrBelow(entry.path, path) || (entry.type === "folder" && isAtOrBelow(path, entry.path)),
      ) || linked.has(entry.path.toString("latin1")),
  };
}

function isAtOrBelow(path: Buffer, folder: Buffer): boolean {
  if (!path.subarray(0, folder.length).equals(folder)) return false;
  return path.length === folder.length || path[folder.length] === 0x2f;
}
