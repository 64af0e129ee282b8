import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isSystemError } from "../../system/files.ts";
import { removeTree } from "../../system/trees.ts";
import { isLocked, lockFolder } from "../../system/lock.ts";

/**
 * Notes in the state folder that a restore extracts into `quarantine`, so that what it leaves there when it is killed
 * is known. To be disposed of once the quarantine is gone. Nothing is to be written into it before this resolves.
 */
export async function noteQuarantine(stateFolder: string, quarantine: string): Promise<AsyncDisposable> {
  const note = join(stateFolder, NOTES, randomBytes(4).toString("hex"));
  await mkdir(note, { recursive: true, mode: 0o700 });
  const lock = lockFolder(note);
  await writeFile(join(note, WHERE), quarantine);
  return {
    async [Symbol.asyncDispose]() {
      lock?.release();
      await rm(note, { recursive: true, force: true });
    },
  };
}

/**
 * Takes away what restores to a folder left there when they were killed: unencrypted, and seen by nobody. Resolves with
 * the folders that were removed. A quarantine whose surroundings are not here, because its volume was mounted for that
 * one command, stays noted until they are.
 */
export async function removeLeftQuarantines(stateFolder: string): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const { note, quarantine } of await leftQuarantines(stateFolder)) {
    if (quarantine !== undefined) {
      await removeTree(quarantine);
      removed.push(quarantine);
    }
    await rm(note, { recursive: true, force: true });
  }
  return removed;
}

/** Of those, what `removeLeftQuarantines` would remove. */
export async function leftQuarantines(
  stateFolder: string,
): Promise<readonly { readonly note: string; readonly quarantine?: string }[]> {
  const left: { note: string; quarantine?: string }[] = [];
  for (const name of await notesIn(stateFolder)) {
    const note = join(stateFolder, NOTES, name);
    if (isLocked(note)) continue;
    const quarantine = await readFile(join(note, WHERE), "utf8").catch(() => ""); // Killed before it was written.
    // Whatever the note says, nothing else than what a restore makes may be removed.
    if (!QUARANTINE.test(basename(quarantine))) left.push({ note });
    else if (existsSync(dirname(quarantine))) left.push({ note, quarantine });
  }
  return left;
}

async function notesIn(stateFolder: string): Promise<readonly string[]> {
  try {
    return await readdir(join(stateFolder, NOTES));
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return [];
    throw error;
  }
}

const NOTES = "quarantines";
const WHERE = "folder";

/** What `mkdtemp` makes of the prefix. */
export const QUARANTINE_PREFIX = ".lifeboat-restore-";
const QUARANTINE = /^\.lifeboat-restore-[A-Za-z0-9]{6}$/;
