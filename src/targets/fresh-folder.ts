import { chmod, lstat, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { LifeboatError } from "../errors.ts";
import type { Clock } from "../system/clock.ts";
import { localFailure } from "./local-failure.ts";

/** Runs `work` with a new private folder (mode 0700) inside `parent`, which is gone when this settles. */
export async function withFreshFolder<Result>(parent: string, work: (folder: string) => Promise<Result>) {
  const folder = await makeFreshFolder(parent).catch((error: unknown) => {
    throw localFailure(error, "make a temporary folder", parent);
  });
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A new machine has no state folder yet. */
async function makeFreshFolder(parent: string): Promise<string> {
  await mkdir(parent, { recursive: true, mode: 0o700 });
  return await mkdtemp(join(parent, FRESH_PREFIX));
}

const FRESH_PREFIX = ".target-";

/** No call lasts a day; a command that only reads may be using a younger one at this moment. */
const OLD_MS = 24 * 60 * 60 * 1000;

/** Takes away the private folders that killed runs left in `parent`: there may be a key in them. */
export async function sweepFreshFolders(parent: string, clock: Clock): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!name.startsWith(FRESH_PREFIX)) continue;
    const folder = join(parent, name);
    const { mtimeMs } = await lstat(folder);
    if (clock.now().getTime() - mtimeMs > OLD_MS) await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Lets `download` write the file it is given, beside `path`, and names it `path` (mode 0600) once it is whole.
 * Rejects if `path` exists; leaves nothing behind when it rejects.
 */
export async function fetchInto(path: string, download: (partial: string) => Promise<void>): Promise<void> {
  if (await lstat(path).catch(() => undefined)) {
    throw new LifeboatError("failed", `'${path}' exists already`, { hint: "Name a file that does not exist yet." });
  }
  await withFreshFolder(dirname(path), async (folder) => {
    const partial = join(folder, basename(path));
    await download(partial);
    await chmod(partial, 0o600);
    await rename(partial, path);
  });
}
