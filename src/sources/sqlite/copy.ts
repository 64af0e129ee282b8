import { rm, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { LifeboatError } from "../../errors.ts";
import type { Clock } from "../../system/clock.ts";
import { isSystemError } from "../../system/files.ts";
import { bytesOf, type ByteString } from "../names.ts";
import { copyFiles, copyFilesAtRest, DATA_FILES, GONE_PATIENCE_MS, pagesLostWithWal, recoverCopy } from "./at-rest.ts";
import { checkCopy } from "./check.ts";
import { isSameFile, lookAtFiles, type FilesOnDisk } from "./files.ts";
import { readSqliteHeader, type SqliteHeader } from "./header.ts";
import type { Copied, CopyJob, CopyMethod } from "./job.ts";
import { Malformed, Obstacle } from "./obstacle.ts";
import { copyOnline } from "./online.ts";
import { explained, isSqliteError } from "./sqlite-errors.ts";

/** One copy under way. */
interface Attempt {
  readonly job: CopyJob;
  /**
   * A link with a plain name to the database, for SQLite, which wants text: it follows the link and finds the side
   * files beside the database itself, whatever bytes their names are made of.
   */
  readonly link: string;
  readonly copy: string;
  readonly clock: Clock;
  readonly checkTime: () => void;
}

/**
 * Makes a consistent, checked copy of a live database at `<job.folder>/copy`, by the means that its state on disk
 * allows, trying again while something is in the way. Must run in a process that has no other business with the
 * database: it opens and closes the file also by other means than SQLite, which drops the process's locks on it.
 * Rejects with a LifeboatError that names the database and the reason.
 */
export async function copyDatabase(job: CopyJob, clock: Clock, checkTime: () => void): Promise<Copied> {
  const attempt = { job, link: join(job.folder, "database"), copy: join(job.folder, "copy"), clock, checkTime };
  await symlink(bytesOf(job.database), attempt.link);
  const startedAt = clock.elapsedMs();
  const raw = await patiently(attempt, startedAt);
  const checked = raw.method === "raw" ? { flaws: [], facts: {} } : checkCopy(attempt.copy, clock);
  if (raw.method !== "raw") await removeSideFiles(attempt.copy);
  return {
    method: raw.method,
    flaws: [...raw.flaws, ...checked.flaws],
    sideFiles: raw.sideFiles,
    facts: {
      method: raw.method,
      journalMode: raw.header.journalMode,
      walBytes: Number((await lookAtFiles(job.database)).wal?.size ?? 0n),
      ...checked.facts,
      tookMs: Math.round(clock.elapsedMs() - startedAt),
    },
  };
}

interface Unchecked {
  readonly method: CopyMethod;
  readonly header: SqliteHeader;
  readonly flaws: readonly string[];
  readonly sideFiles: readonly string[];
}

const FIRST_PAUSE_MS = 10;
const MAX_PAUSE_MS = 100;

async function patiently(attempt: Attempt, startedAt: number): Promise<Unchecked> {
  const { job, clock } = attempt;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
    try {
      return await once(attempt);
    } catch (error) {
      const waitedMs = clock.elapsedMs() - startedAt;
      const limitMs = Math.min(job.timeoutMs, error instanceof Obstacle ? error.patienceMs : 0);
      if (waitedMs + pauseMs > limitMs) throw failure(error, waitedMs);
    }
    attempt.checkTime();
    await clock.sleep(pauseMs);
  }
}

function failure(error: unknown, waitedMs: number): unknown {
  if (!(error instanceof Obstacle)) return error;
  const hint = error.hint ? { hint: error.hint } : {};
  return new LifeboatError("failed", `${error.message} (tried for ${Math.round(waitedMs / 1000)} s)`, {
    ...hint,
    cause: error.cause,
  });
}

async function once(attempt: Attempt): Promise<Unchecked> {
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
    throw reason;
  }
}

async function online(attempt: Attempt, header: SqliteHeader, files: FilesOnDisk): Promise<Unchecked> {
  try {
    await copyOnline(attempt.link, attempt.copy, attempt.checkTime);
  } catch (error) {
    // A hot journal: its writer died in a transaction, which a read-only connection may not roll back.
    if (isSqliteError(error, "SQLITE_READONLY_ROLLBACK")) return await atRest(attempt, header);
    throw error;
  }
  if (!isSameFile(files.database, (await lookAtFiles(attempt.job.database)).database)) {
    throw new Obstacle("it was replaced while it was copied");
  }
  return { method: "online", header, flaws: [], sideFiles: [] };
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
  return { method: leftovers > 0n ? "recovered" : "copied at rest", header, flaws, sideFiles: [] };
}

async function aboutMissingWal(job: CopyJob): Promise<string> {
  const pages = await pagesLostWithWal(job.database);
  const lost = pages === undefined ? "committed changes may be lost" : `${pages} pages of committed changes were in it`;
  return `its -wal was deleted by someone while it was in use: ${lost}`;
}

const RAW_TRIES = 5;

/** Keeps the files of a database that SQLite refuses, at rest if that can be had. */
async function keepRaw(attempt: Attempt, header: SqliteHeader, reason: Malformed): Promise<Unchecked> {
  const { job, copy, clock } = attempt;
  const flaws = [`SQLite cannot read it: ${reason.message}`];
  let files: FilesOnDisk | undefined;
  for (let tries = 0; tries < RAW_TRIES && !files; tries += 1) {
    attempt.checkTime();
    files = await copyFilesAtRest(job.database, copy, clock).catch(async (error: unknown) => {
      if (!(error instanceof Obstacle)) throw error;
      await clock.sleep(MAX_PAUSE_MS);
      return undefined;
    });
  }
  if (!files) {
    files = await lookAtFiles(job.database);
    await copyFiles(job.database, files, copy);
    flaws.push("it was written to while its files were copied");
  }
  const sideFiles = DATA_FILES.filter((ending) => (ending === "-wal" ? files.wal : files.journal));
  return { method: "raw", header, flaws, sideFiles };
}

/** SQLite removes them itself when the last connection closes; one with content would mean that it did not. */
async function removeSideFiles(copy: string): Promise<void> {
  for (const ending of DATA_FILES) {
    const size = await stat(copy + ending).then(
      (stats) => stats.size,
      // Not there, which is what is wanted.
      () => 0,
    );
    if (size > 0) throw new LifeboatError("failed", `its copy still has a *${ending} of ${size} bytes`);
  }
  for (const ending of ["-shm", ...DATA_FILES]) await rm(copy + ending, { force: true });
}
