import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import Database from "better-sqlite3";
import { settledAfterMs } from "./at-rest.ts";
import type { Attempt } from "./job.ts";
import { isUntouched, lastWrittenMs, lookAtFiles } from "./files.ts";

/** A connection in a read transaction: until it ends, nobody writes to the database's file in rollback-journal mode. */
export function openPinned(link: string): Database.Database {
  const source = new Database(link, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  try {
    source.exec("BEGIN");
    // Reads page 1 and nothing of the schema, so that a database whose schema is damaged can still be copied.
    source.pragma("schema_version");
    return source;
  } catch (error) {
    source.close();
    throw error;
  }
}

/** How long SQLite itself polls for a lock before it says BUSY. */
const BUSY_TIMEOUT_MS = 1000;

/** What a copy of the bytes came to. */
export interface LockedCopy {
  /** What the copy must have, by the database's own count of its pages. */
  readonly expectedBytes: number;
  /** How long its writers were locked out at a stretch, at most. */
  readonly lockedMs: number;
}

/**
 * Copies the bytes of a database in rollback-journal mode, its writers locked out as briefly as can be: while the file
 * system shares the blocks, if it can do that. Else the file is copied without a lock first; if nobody wrote meanwhile,
 * the lock is needed only to be sure of that, and otherwise for comparing: what differs is copied again, and hardly
 * anything has to be written. Rejects with what SQLite says, or with whatever `checkTime` throws.
 */
export async function copyUnderLock(attempt: Attempt): Promise<LockedCopy> {
  return (await shareBlocks(attempt)) ?? (await copyTwice(attempt));
}

async function shareBlocks({ link, copy, clock }: Attempt): Promise<LockedCopy | undefined> {
  const source = openPinned(link);
  try {
    const startedAt = clock.elapsedMs();
    const expectedBytes = sizeOf(source);
    // Closes the file, and with it drops the lock: it is not needed any longer, whatever came of it.
    copyFileSync(link, copy, constants.COPYFILE_FICLONE_FORCE);
    return { expectedBytes, lockedMs: clock.elapsedMs() - startedAt };
  } catch (error) {
    if (error instanceof Database.SqliteError) throw error;
    rmSync(copy, { force: true });
    return undefined; // Not on this file system, or not from one to the other.
  } finally {
    source.close();
  }
}

async function copyTwice(attempt: Attempt): Promise<LockedCopy> {
  const { job, link, copy, clock, checkTime } = attempt;
  const from = openSync(link, "r");
  const to = openSync(copy, "wx+", 0o600);
  try {
    const before = await lookAtFiles(job.database);
    const isSettled = clock.now().getTime() - lastWrittenMs(before) >= settledAfterMs(lastWrittenMs(before));
    copyBytes({ from, to, checkTime }, fstatSync(from).size);
    const pinned = openPinned(link);
    const startedAt = clock.elapsedMs();
    let expectedBytes: number;
    try {
      expectedBytes = sizeOf(pinned);
      const isSame = isSettled && isUntouched(before, await lookAtFiles(job.database));
      if (!isSame) bringUpToDate({ from, to, checkTime }, expectedBytes);
    } finally {
      pinned.close();
    }
    const lockedMs = clock.elapsedMs() - startedAt;
    if (fstatSync(to).size > expectedBytes) ftruncateSync(to, expectedBytes);
    return { expectedBytes, lockedMs };
  } finally {
    closeSync(to);
    // Only now: closing it drops all locks of this process on the database.
    closeSync(from);
  }
}

/** The database's size by its own count. */
function sizeOf(pinned: Database.Database): number {
  const [pages, pageBytes] = ["page_count", "page_size"].map((name) => pinned.pragma(name, { simple: true }) as number);
  return pages! * pageBytes!;
}

interface Copying {
  readonly from: number;
  readonly to: number;
  readonly checkTime: () => void;
}

/** Large enough to be fast, small enough to look at the clock often. */
const CHUNK_BYTES = 1024 * 1024;

function copyBytes({ from, to, checkTime }: Copying, sizeBytes: number): void {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) {
    checkTime();
    writeAll(to, chunk.subarray(0, readUpTo(from, chunk, at)), at);
  }
}

/** Writes only what differs, as long as both files can be in memory; reading a second one from a disk takes longer. */
function bringUpToDate(copying: Copying, sizeBytes: number): void {
  if (process.availableMemory() < 2 * sizeBytes) return copyBytes(copying, sizeBytes);
  const { from, to, checkTime } = copying;
  const [theirs, ours] = [Buffer.allocUnsafe(CHUNK_BYTES), Buffer.allocUnsafe(CHUNK_BYTES)];
  for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) {
    checkTime();
    const now = theirs.subarray(0, readUpTo(from, theirs, at));
    const copied = ours.subarray(0, readUpTo(to, ours, at));
    if (!now.equals(copied)) writeAll(to, now, at);
  }
}

/** How much of the chunk there is. */
function readUpTo(file: number, chunk: Buffer, at: number): number {
  let got = 0;
  while (got < chunk.length) {
    const bytesRead = readSync(file, chunk, got, chunk.length - got, at + got);
    if (bytesRead === 0) break;
    got += bytesRead;
  }
  return got;
}

function writeAll(file: number, bytes: Buffer, at: number): void {
  for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done, bytes.length - done, at + done);
}
