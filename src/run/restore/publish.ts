import { mkdir, mkdtemp, readdir, rename, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { LifeboatError } from "../../errors.ts";
import { isSystemError } from "../../system/files.ts";
import { removeTree } from "../../system/trees.ts";
import { noteQuarantine, QUARANTINE_PREFIX } from "../conduct/quarantines.ts";

/** Rejects with "usage" unless `to` is an empty folder or not there yet. */
export async function requireEmpty(to: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(to);
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return;
    throw new LifeboatError("usage", `cannot restore to '${to}'`, { cause: error });
  }
  if (names.length === 0) return;
  throw new LifeboatError("usage", `cannot restore to '${to}': the folder is not empty`, {
    hint: "Give a folder that does not exist yet, or an empty one. Nothing was touched.",
  });
}

export interface Quarantine extends AsyncDisposable {
  readonly folder: string;
}

/**
 * An empty folder from which `to` can be filled by rename: beside it, or inside it where it is a mount point of its
 * own (found out by trying: the system refuses a rename from one mount to another). Goes with all that is left in it
 * when it is disposed of; the next run takes it away if this one is killed.
 */
export async function openQuarantine(to: string, stateFolder: string): Promise<Quarantine> {
  const folder = await makeQuarantine(to);
  try {
    const noted = await noteQuarantine(stateFolder, folder);
    return {
      folder,
      async [Symbol.asyncDispose]() {
        await removeTree(folder);
        await noted[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await removeTree(folder);
    throw error;
  }
}

/** As `openQuarantine`, for whoever takes it away at once. */
export async function makeQuarantine(to: string): Promise<string> {
  const parent = dirname(to);
  await mkdir(parent, { recursive: true });
  let inside: string;
  try {
    inside = await mkdtemp(join(to, QUARANTINE_PREFIX));
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return await mkdtemp(join(parent, QUARANTINE_PREFIX));
    throw new LifeboatError("failed", `cannot write to '${to}'`, { cause: error });
  }
  const beside = join(parent, basename(inside));
  try {
    await rename(inside, beside);
    return beside;
  } catch {
    return inside; // Another mount, or a parent that may not be written to: both only mean "stay inside".
  }
}

/**
 * Lets `from`, a folder in a quarantine, appear as `to`: one rename if the quarantine lies beside, a rename for each
 * top-level name if it had to lie inside.
 */
export async function publish(from: string, to: string): Promise<void> {
  if (dirname(dirname(from)) !== to) {
    await rename(from, to);
    return;
  }
  for (const name of await readdir(from, { encoding: "buffer" })) {
    const slash = Buffer.from("/");
    await rename(Buffer.concat([Buffer.from(from), slash, name]), Buffer.concat([Buffer.from(to), slash, name]));
  }
  await rmdir(from);
}
