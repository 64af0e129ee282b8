import { createHash } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { fullDisk } from "../system/disk-failure.ts";
import type { SealedFile } from "./format.ts";
import type { Bytes } from "./through-child.ts";

/**
 * Writes bytes to a new file (mode 0600), with their digest. Not synced to the disk: the spool outlives no
 * power cut, and a target syncs what it stores.
 * When anything fails there is no file afterwards. An existing file is an error and stays as it is.
 */
export async function writeSealedFile(path: string, bytes: Bytes, signal: AbortSignal): Promise<SealedFile> {
  return await fillNewFile(path, async (handle) => {
    const digest = createHash("sha256");
    let sizeBytes = 0;
    for await (const chunk of bytes) {
      signal.throwIfAborted();
      const writing = handle.appendFile(chunk);
      digest.update(chunk);
      sizeBytes += chunk.length;
      await writing;
    }
    return { path, sizeBytes, sha256: digest.digest("hex") };
  });
}

/** Makes a new file (mode 0600) and has it filled. When that rejects, so does this, and there is no file afterwards. */
export async function fillNewFile<Result>(
  path: string,
  fill: (handle: FileHandle) => Promise<Result>,
): Promise<Result> {
  const handle = await open(path, "wx", 0o600);
  try {
    const result = await fill(handle);
    await handle.close();
    return result;
  } catch (error) {
    await handle.close();
    await rm(path, { force: true });
    throw fullDisk(error, `write '${basename(path)}'`, dirname(path));
  }
}
