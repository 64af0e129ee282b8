import { randomBytes } from "node:crypto";
import { mkdir, open, rename, rm, statfs } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fullDisk } from "./disk-failure.ts";

/**
 * Makes the names in `folder` durable: a rename is only safe from a power cut once its folder is synced. File systems
 * that sync no folders (SMB, FUSE, shared folders of a virtual machine) see to their names themselves.
 */
export async function syncFolder(folder: string | Buffer): Promise<void> {
  try {
    await syncFile(folder);
  } catch (error) {
    if (!isSystemError(error, ...SYNCS_NO_FOLDERS)) throw error;
  }
}

const SYNCS_NO_FOLDERS = ["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EBADF", "EACCES", "EPERM", "EISDIR"];

/**
 * Makes the name `path` durable as `syncFolder` does. Some file systems say "input/output error" of every folder: that
 * is none, if the file itself can be synced once more; where the disk fails, that does too.
 */
export async function syncName(path: string): Promise<void> {
  try {
    await syncFolder(dirname(path));
  } catch (error) {
    if (!isSystemError(error, "EIO")) throw error;
    await syncFile(path);
  }
}

/** Makes the content of `path` durable: after a power cut it is there. */
export async function syncFile(path: string | Buffer): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Replaces `path` with `content` so that a reader, also after a power cut, finds the old file or the new one whole:
 * temporary name, fsync, rename, fsync of the folder. The folder is made if it is missing.
 */
export async function writeAtomically(path: string, content: string | Buffer, mode = 0o600): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const partial = join(folder, `.${basename(path)}.${randomBytes(4).toString("hex")}.partial`);
  try {
    const handle = await open(partial, "wx", mode);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw fullDisk(error, `write '${basename(path)}'`, folder);
  }
  await syncName(path);
}

/** Bytes that this process may still write below `folder`. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** True if `error` is the system's error of that code (ENOENT, ENOSPC, ...). */
export function isSystemError(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
