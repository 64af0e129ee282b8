import type { BigIntStats } from "node:fs";
import { lstat } from "node:fs/promises";
import { isSystemError } from "../../system/files.ts";
import { bytesOf, type ByteString } from "../names.ts";

/** A database and its side files as they lie on disk at one moment. */
export interface FilesOnDisk {
  readonly database: BigIntStats | undefined;
  readonly wal: BigIntStats | undefined;
  readonly shm: BigIntStats | undefined;
  readonly journal: BigIntStats | undefined;
}

export async function lookAtFiles(database: ByteString): Promise<FilesOnDisk> {
  return {
    database: await statIfThere(database),
    wal: await statIfThere(`${database}-wal`),
    shm: await statIfThere(`${database}-shm`),
    journal: await statIfThere(`${database}-journal`),
  };
}

async function statIfThere(path: ByteString): Promise<BigIntStats | undefined> {
  try {
    return await lstat(bytesOf(path), { bigint: true });
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** True if it is the same file, whatever was written to it. */
export function isSameFile(one: BigIntStats | undefined, other: BigIntStats | undefined): boolean {
  return one?.dev === other?.dev && one?.ino === other?.ino;
}

/**
 * True if nothing was written, made, removed or replaced between the two looks. Of the -shm only the identity counts:
 * it is shared memory, no part of the database, and its times move with the kernel's write-back.
 */
export function isUntouched(before: FilesOnDisk, after: FilesOnDisk): boolean {
  const pairs = [
    [before.database, after.database],
    [before.wal, after.wal],
    [before.journal, after.journal],
  ] as const;
  return isSameFile(before.shm, after.shm) && pairs.every(([one, other]) => fingerprint(one) === fingerprint(other));
}

function fingerprint(stats: BigIntStats | undefined): string {
  if (!stats) return "absent";
  return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(":");
}

/**
 * When a file of the database (the -shm aside) was last written, in milliseconds since 1970. Not the change time:
 * SQLite, run as root, sets a journal's owner anew each time it looks at one that is not on a read-only mount.
 */
export function lastWrittenMs({ database, wal, journal }: FilesOnDisk): number {
  return Math.max(...[database, wal, journal].map((stats) => (stats ? Number(stats.mtimeMs) : 0)));
}
