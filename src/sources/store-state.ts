import { createHash, type Hash } from "node:crypto";
import { lstat, readdir } from "node:fs/promises";
import { bytesOf, type ByteString } from "./names.ts";
import { SIDE_FILES } from "./sqlite/header.ts";
import type { FoundStore, Place } from "./stores.ts";

/**
 * Names, sizes and times of all files of a store, as one digest: another one tells that something was written there in
 * between. Reads no file. Rejects when the signal aborts.
 */
export async function stateOf(
  { path, form }: FoundStore,
  pathOf: Place["pathOf"],
  signal: AbortSignal,
): Promise<string> {
  const hash = createHash("sha256");
  if (form === "folder") await addFolder(hash, path, pathOf, signal);
  else for (const ending of ["", ...SIDE_FILES]) await add(hash, `${path}${ending}`, pathOf);
  return hash.digest("hex");
}

async function addFolder(hash: Hash, folder: ByteString, pathOf: Place["pathOf"], signal: AbortSignal): Promise<void> {
  const names: ByteString[] = await readdir(pathOf(folder), { encoding: "latin1" }).catch(() => []); // Gone, or told by the survey.
  for (const name of names.sort()) {
    signal.throwIfAborted();
    const path = folder === "" ? name : `${folder}/${name}`;
    if (await add(hash, path, pathOf)) await addFolder(hash, path, pathOf, signal);
  }
}

/** True for a folder. */
async function add(hash: Hash, path: ByteString, pathOf: Place["pathOf"]): Promise<boolean> {
  const stats = await lstat(pathOf(path), { bigint: true }).catch(() => undefined);
  hash.update(bytesOf(path));
  hash.update(stats ? `\0${stats.ino} ${stats.size} ${stats.mtimeNs} ${stats.ctimeNs}\0` : "\0-\0");
  return stats?.isDirectory() ?? false;
}
