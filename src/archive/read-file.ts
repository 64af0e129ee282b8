import { LifeboatError } from "../errors.ts";
import { openSelected, type SealedBackup } from "./extract.ts";
import { readIndex } from "./index-file.ts";
import { throughChild, type Bytes } from "./through-child.ts";

/**
 * The content of one file of a backup ("backup/…"), of any of its names. Its end is reached only if all of the backup
 * agreed with its index. Rejects with "not-found" if there is no file of that path.
 */
export async function readFileOf(
  backup: SealedBackup & { readonly path: Buffer },
  signal: AbortSignal,
): Promise<Bytes> {
  const path = await heldPath(backup, signal);
  const tar = await openSelected({ ...backup, only: [path] }, signal);
  return throughChild({ program: "tar", args: ["--extract", "--file=-", "--to-stdout"] }, tar, signal);
}

/** The name under which the archive holds the content. */
async function heldPath(
  { indexPath, keys, path }: SealedBackup & { readonly path: Buffer },
  signal: AbortSignal,
): Promise<Buffer> {
  const belowSources = path.toString("utf8").replace(/^backup\//, "");
  for await (const entry of readIndex(indexPath, keys, signal)) {
    if (!entry.path.equals(path)) continue;
    if (entry.type === "file") return path;
    if (entry.type === "hardlink" && entry.linkTarget) return entry.linkTarget;
    throw new LifeboatError("not-found", `'${belowSources}' is a ${entry.type} in the backup, not a file`);
  }
  throw new LifeboatError("not-found", `there is no '${belowSources}' in the backup`, {
    hint: "`lifeboat ls ID` shows what there is.",
  });
}
