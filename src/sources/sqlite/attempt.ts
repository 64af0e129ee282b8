import { rm } from "node:fs/promises";
import { LifeboatError } from "../../errors.ts";
import { isSystemError } from "../../system/files.ts";
import { bytesOf, type ByteString } from "../names.ts";
import { copyFiles, copyFilesAtRest, DATA_FILES, GONE_PATIENCE_MS, pagesLostWithWal, recoverCopy } from "./at-rest.ts";
import { isSameFile, lastWrittenMs, lookAtFiles, type FilesOnDisk } from "./files.ts";
import { readSqliteHeader, type SqliteHeader } from "./header.ts";
import type { Attempt, CopyJob, CopyMethod } from "./job.ts";
import { Malformed, Obstacle } from "./obstacle.ts";
import { copyOnline } from "./online.ts";
import { explained, isSqliteError } from "./sqlite-errors.ts";

/** A consistent copy, or raw files, whose content nobody has looked at yet. */
export interface Unchecked {
  readonly method: CopyMethod;
  readonly header: SqliteHeader;
  readonly flaws: readonly string[];
  readonly sideFiles: readonly string[];
  /** How long those who write to it were locked out. */
  readonly lockedMs: number;
}

/**
 * Copies by the means that the files on disk allow at this moment. Rejects with an Obstacle if trying again may help.
 */
export async function tryToCopy(attempt: Attempt): Promise<Unchecked> {
  const { job, copy } = attempt;
  for (const ending of ["", "-shm", ...DATA_FILES]) await rm(copy + ending, { force: true });
  const files = await lookAtFiles(job.database);
  const header = await headerOf(attempt);
  try {
    if (!canBeOpened(job.database, header, files)) return await atRest(attempt, header);
    return await online(attempt, header, files);
  } catch (error) {
    const reason = await explained(error, job.database);
    if (reason instanceof Malformed) return await keepRaw(attempt, header, reason);
    if (reason instanceof Obstacle && (await isFrozenInTransaction(attempt))) return await atRest(attempt, header);
    throw reason;
  }
}

async function online(attempt: Attempt, header: SqliteHeader, files: FilesOnDisk): Promise<Unchecked> {
  let lockedMs: number;
  try {
    lockedMs = await copyOnline(attempt);
  } catch (error) {
    // A hot journal: its writer died in a transaction, which a read-only connection may not roll back.
    if (isSqliteError(error, "SQLITE_READONLY_ROLLBACK")) return await atRest(attempt, header);
    throw error;
  }
  if (!isSameFile(files.database, (await lookAtFiles(attempt.job.database)).database)) {
    throw new Obstacle("it was replaced while it was copied");
  }
  return { method: "online", header, flaws: [], sideFiles: [], lockedMs };
}

/** So long after the last write, a writer that still keeps its lock is not about to go on. */
const FROZEN_AFTER_MS = 2000;

/**
 * True if whoever locks the database stopped in the middle of a transaction, as in a paused container. What SQLite has
 * written by then can be rolled back by the journal, just as after a crash; without a journal on disk nobody could tell
 * what belongs to the transaction.
 */
async function isFrozenInTransaction({ job, clock }: Attempt): Promise<boolean> {
  const files = await lookAtFiles(job.database);
  if (!files.journal || files.journal.size === 0n) return false;
  return clock.now().getTime() - lastWrittenMs(files) >= FROZEN_AFTER_MS;
}

async function headerOf({ job }: Attempt): Promise<SqliteHeader> {
  try {
    const header = await readSqliteHeader(bytesOf(job.database));
    if (header) return header;
  } catch (cause) {
    if (!isSystemError(cause, "ENOENT")) throw new LifeboatError("failed", "it cannot be read", { cause });
    throw new Obstacle("it is gone", { cause, patienceMs: GONE_PATIENCE_MS });
  }
  throw new Obstacle("it is no longer an SQLite database", { patienceMs: GONE_PATIENCE_MS });
}

/**
 * A read-only connection can join a WAL database only where the -wal and the -shm are; without them SQLite makes
 * them, which on a read-only mount is an error and on any other a write to the live data.
 */
function canBeOpened(database: ByteString, { journalMode }: SqliteHeader, { wal, shm }: FilesOnDisk): boolean {
  if (database.length > MAX_PATH_BYTES) return false;
  return journalMode === "wal" || wal ? wal !== undefined && shm !== undefined : true;
}

/** SQLite's own limit (512 with "-journal"). The application has a shorter path to the same file. */
const MAX_PATH_BYTES = 504;

async function atRest({ job, copy, clock }: Attempt, header: SqliteHeader): Promise<Unchecked> {
  const files = await copyFilesAtRest(job.database, copy, clock);
  const flaws = header.journalMode === "wal" && files.shm && !files.wal ? [await aboutMissingWal(job)] : [];
  await recoverCopy(job.database, copy, files);
  const leftovers = (files.wal?.size ?? 0n) + (files.journal?.size ?? 0n);
  return { method: leftovers > 0n ? "recovered" : "copied at rest", header, flaws, sideFiles: [], lockedMs: 0 };
}

async function aboutMissingWal(job: CopyJob): Promise<string> {
  const pages = await pagesLostWithWal(job.database);
  const lost = pages === undefined ? "committed changes may be lost" : `${pages} pages of committed changes were in it`;
  return `its -wal was deleted by someone while it was in use: ${lost}`;
}

const RAW_TRIES = 5;
const RAW_PAUSE_MS = 100;

/** Keeps the files of a database that SQLite refuses, at rest if that can be had. */
async function keepRaw(attempt: Attempt, header: SqliteHeader, reason: Malformed): Promise<Unchecked> {
  const { job, copy, clock } = attempt;
  const flaws = [`SQLite cannot read it: ${reason.message}`];
  let files: FilesOnDisk | undefined;
  for (let tries = 0; tries < RAW_TRIES && !files; tries += 1) {
    attempt.checkTime();
    files = await copyFilesAtRest(job.database, copy, clock).catch(async (error: unknown) => {
      if (!(error instanceof Obstacle)) throw error;
      await clock.sleep(RAW_PAUSE_MS);
      return undefined;
    });
  }
  if (!files) {
    files = await lookAtFiles(job.database);
    await copyFiles(job.database, files, copy);
    flaws.push("it was written to while its files were copied");
  }
  const sideFiles = DATA_FILES.filter((ending) => (ending === "-wal" ? files.wal : files.journal));
  return { method: "raw", header, flaws, sideFiles, lockedMs: 0 };
}
