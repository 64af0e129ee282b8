import { chmod, stat } from "node:fs/promises";
import type Database from "better-sqlite3";
import { LifeboatError } from "../../errors.ts";
import type { Attempt } from "./job.ts";
import { copyUnderLock, openPinned } from "./locked-copy.ts";
import { Obstacle } from "./obstacle.ts";

/**
 * Copies the database at `attempt.link` to the new file `attempt.copy` while others write to it. Resolves with how long
 * these were locked out, in milliseconds.
 *
 * The read transaction comes first and stays open: it pins the snapshot, without it every write by another process
 * starts SQLite's backup anew, and under a busy writer it never ends. In WAL mode nobody waits for us. With a rollback
 * journal writers wait at their commit, and `copyUnderLock` does what SQLite's backup takes long for.
 *
 * Rejects with what SQLite says, with an Obstacle, or with whatever `checkTime` throws.
 */
export async function copyOnline(attempt: Attempt): Promise<number> {
  const { link, copy, checkTime } = attempt;
  const source = openPinned(link);
  try {
    if (source.pragma("journal_mode", { simple: true }) === "wal") {
      const pageSize = source.pragma("page_size", { simple: true }) as number;
      const pages = await backup(source, copy, checkTime);
      await requireWhole(copy, pages * pageSize);
      return 0;
    }
  } finally {
    source.close();
  }
  const { expectedBytes, lockedMs } = await copyUnderLock(attempt);
  await requireWhole(copy, expectedBytes);
  await chmod(copy, 0o600);
  return lockedMs;
}

/** 4 MiB in one step at the usual page size: large enough to be fast, small enough to look at the clock often. */
const PAGES_PER_STEP = 1024;

/** The number of pages copied. */
async function backup(source: Database.Database, copy: string, checkTime: () => void): Promise<number> {
  let remaining = Infinity;
  const { totalPages, remainingPages } = await source.backup(copy, {
    progress({ remainingPages: now }) {
      checkTime();
      // A busy database makes no progress and no error: without a pause here the loop would spin.
      if (now >= remaining) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STALL_PAUSE_MS);
      remaining = now;
      return PAGES_PER_STEP;
    },
  });
  // The promise resolves also when nothing was copied because of a lock: 0 pages remaining of 0.
  if (totalPages <= 0 || remainingPages !== 0) throw new Obstacle("it is locked by another process");
  return totalPages;
}

const STALL_PAUSE_MS = 20;

async function requireWhole(copy: string, expectedBytes: number): Promise<void> {
  const { size } = await stat(copy);
  if (size !== expectedBytes) {
    throw new LifeboatError("failed", `its copy has ${size} bytes instead of ${expectedBytes}`);
  }
}
