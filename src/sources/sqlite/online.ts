import { stat } from "node:fs/promises";
import Database from "better-sqlite3";
import { LifeboatError } from "../../errors.ts";
import { Obstacle } from "./obstacle.ts";

/**
 * Copies the database at `link` to the new file `copy` while others write to it.
 *
 * The read transaction comes first and stays open: it pins the snapshot, without it every write by another process
 * starts the backup anew, and under a busy writer it never ends. In WAL mode nobody waits for us; with a rollback
 * journal writers wait at their commit until the copy is done.
 *
 * Rejects with what SQLite says, with an Obstacle, or with whatever `checkTime` throws.
 */
export async function copyOnline(link: string, copy: string, checkTime: () => void): Promise<void> {
  const source = new Database(link, { readonly: true, fileMustExist: true, timeout: BUSY_TIMEOUT_MS });
  try {
    source.exec("BEGIN");
    // Reads page 1 and nothing of the schema, so that a database whose schema is damaged can still be copied.
    source.pragma("schema_version");
    const pageSize = source.pragma("page_size", { simple: true }) as number;
    const pages = await backup(source, copy, checkTime);
    await requireWhole(copy, pages * pageSize);
  } finally {
    source.close();
  }
}

/** How long SQLite itself polls for a lock before it says BUSY. */
const BUSY_TIMEOUT_MS = 1000;

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
