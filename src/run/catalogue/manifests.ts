import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Keepsake } from "../../sources/source.ts";
import { syncFile, syncFolder } from "../../system/files.ts";

/**
 * Keeps what the increments on a full backup need beside it, in place of that of the full backup before; the files are
 * taken, not copied. A run that dies meanwhile leaves nothing that the next one would believe: it looks for the name of
 * the backup, and compares digests.
 */
export async function keepManifests(
  stateFolder: string,
  backupId: string,
  keepsakes: readonly Keepsake[],
): Promise<void> {
  const parent = join(stateFolder, MANIFESTS);
  const folder = join(parent, backupId);
  const partial = `${folder}.partial`;
  await mkdir(partial, { recursive: true, mode: 0o700 });
  for (const { name, path } of keepsakes) {
    await syncFile(path);
    await rename(path, join(partial, name));
  }
  await syncFolder(partial);
  await rename(partial, folder);
  await syncFolder(parent);
  for (const name of await readdir(parent)) {
    if (name !== backupId) await rm(join(parent, name), { recursive: true, force: true });
  }
}

/** Where the keepsake of that name is, if it is there at all. */
export function keptManifest(stateFolder: string, backupId: string, name: string): string {
  return join(stateFolder, MANIFESTS, backupId, name);
}

const MANIFESTS = "manifests";
