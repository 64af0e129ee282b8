import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { failpoint } from "../../system/failpoint.ts";
import { syncFolder } from "../../system/files.ts";
import { setAttributes } from "./attributes.ts";
import { newRoot, placeAt, workFolder, type FolderSwap, type Job, type PlaceSwap } from "./job.ts";
import { undoFile, writeFileInPlace } from "./mounted-file.ts";
import { at, below, look } from "./paths.ts";

/** Puts the new data of a place where the old is, and the old aside. Rejects half way at the first failure. */
export async function swapPlace(job: Job, swap: PlaceSwap): Promise<void> {
  const { folder } = placeAt(job, swap.place);
  const work = workFolder(job, swap.place);
  if (swap.file) return await writeFileInPlace(folder, newRoot(job, swap.place), work, swap.file);
  for (const { path, moves } of swap.folders) {
    await mkdir(at(`${work}/old`, path), { recursive: true, mode: 0o700 });
    for (const { name, old, new: isNew } of moves) {
      const here = below(path, name);
      if (old) {
        await rename(at(folder, here), at(`${work}/old`, here));
        await failpoint("in-place:moved-aside");
      }
      if (isNew) {
        await rename(at(newRoot(job, swap.place), here), at(folder, here));
        await failpoint("in-place:put-in-place");
      }
    }
  }
  // The folders in it first: putting something into a folder changes its time.
  for (const { path, after } of swap.folders.toReversed()) if (after) await setAttributes(at(folder, path), after);
  await syncFolders(folder, work, swap.folders);
}

/**
 * Puts the old data of a place back, from wherever a swap or an earlier undoing stopped; what took its place, and what
 * was made there since, goes to "failed". May be called again and again.
 */
export async function undoPlace(job: Job, swap: PlaceSwap): Promise<void> {
  const { folder } = placeAt(job, swap.place);
  const work = workFolder(job, swap.place);
  if (swap.file) return await undoFile(folder, work, swap.file);
  const merged = new Set(swap.folders.map(({ path }) => path));
  for (const one of swap.folders) await undoFolder(folder, work, one, merged);
  for (const { path, before } of swap.folders.toReversed()) await setAttributes(at(folder, path), before);
  await syncFolders(folder, work, swap.folders);
}

async function undoFolder(
  folder: string,
  work: string,
  { path, whole, kept, moves }: FolderSwap,
  merged: ReadonlySet<string>,
): Promise<void> {
  await mkdir(at(folder, path), { recursive: true });
  await mkdir(at(`${work}/failed`, path), { recursive: true, mode: 0o700 });
  const known = new Map(moves.map((move) => [move.name, move]));
  const stays = new Set(kept);
  const names = whole ? await readdir(at(folder, path), { encoding: "latin1" }) : [...known.keys()];
  for (const name of names) {
    const here = below(path, name);
    if (stays.has(name) || merged.has(here)) continue;
    // Never moved aside, or put back already: this is the old one.
    if (known.get(name)?.old && !(await look(at(`${work}/old`, here)))) continue;
    if (!(await look(at(folder, here)))) continue;
    await rm(at(`${work}/failed`, here), { recursive: true, force: true });
    await rename(at(folder, here), at(`${work}/failed`, here));
    await failpoint("in-place:new-taken-away");
  }
  for (const { name, old } of moves) {
    const here = below(path, name);
    if (!old || !(await look(at(`${work}/old`, here)))) continue;
    await rename(at(`${work}/old`, here), at(folder, here));
    await failpoint("in-place:old-put-back");
  }
}

async function syncFolders(folder: string, work: string, folders: readonly FolderSwap[]): Promise<void> {
  for (const { path } of folders) {
    for (const one of [at(folder, path), at(`${work}/old`, path)]) if (await look(one)) await syncFolder(one);
  }
}
