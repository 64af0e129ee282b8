import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { LifeboatError } from "../errors.ts";
import type { Clock } from "./clock.ts";
import { diskFailure } from "./disk-failure.ts";

/**
 * One run at a time per state folder. The lock is SQLite's own lock on `lock.db`, which the kernel holds for as long
 * as the process lives: after SIGKILL or a power cut there is nothing to break, and no guess about a dead owner
 * (process ids are used again, and mean nothing in another container). `lock.json` beside it only names the owner
 * for the message.
 */
export interface Lock extends Disposable {
  release(): void;
}

/**
 * Takes the lock of `stateFolder`, waiting up to `timeoutMs` for another owner to finish.
 * Rejects with a "locked" error naming the owner when that time is over, and with "failed" if the disk does not let it.
 */
export async function acquireLock(
  stateFolder: string,
  what: string,
  timeoutMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<Lock> {
  const ownerFile = join(stateFolder, "lock.json");
  const deadline = clock.elapsedMs() + timeoutMs;
  let database: Database.Database | undefined;
  const release = () => database?.close();
  try {
    mkdirSync(stateFolder, { recursive: true });
    database = new Database(join(stateFolder, "lock.db"), { timeout: 0 });
    while (!tryLock(database)) {
      const leftMs = deadline - clock.elapsedMs();
      if (leftMs <= 0) throw lockedError(stateFolder, ownerFile, timeoutMs);
      await clock.sleep(Math.min(POLL_MS, leftMs), signal);
    }
    const owner: Owner = { what, pid: process.pid, host: hostname(), since: clock.now().toISOString() };
    writeFileSync(ownerFile, JSON.stringify(owner));
  } catch (error) {
    release();
    throw diskFailure(error, "take the lock", stateFolder);
  }
  return { release, [Symbol.dispose]: release };
}

/** True while a run is under way in any process on this machine. */
export function isLocked(stateFolder: string): boolean {
  const path = join(stateFolder, "lock.db");
  if (!existsSync(path)) return false;
  const database = new Database(path, { timeout: 0 });
  try {
    return !tryLock(database);
  } finally {
    database.close();
  }
}

const POLL_MS = 200;

interface Owner {
  readonly what: string;
  readonly pid: number;
  readonly host: string;
  readonly since: string;
}

function tryLock(database: Database.Database): boolean {
  try {
    database.exec("BEGIN EXCLUSIVE");
    return true;
  } catch (error) {
    if (error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY")) return false;
    throw error;
  }
}

function lockedError(stateFolder: string, ownerFile: string, timeoutMs: number): LifeboatError {
  let who = "another run";
  try {
    const owner = JSON.parse(readFileSync(ownerFile, "utf8")) as Owner;
    who = `'${owner.what}' (process ${owner.pid} on ${owner.host}, since ${owner.since})`;
  } catch {
    // The owner has the lock but has not written its name yet; the message does without.
  }
  return new LifeboatError("locked", `'${stateFolder}' is locked by ${who}; waited ${Math.round(timeoutMs / 1000)} s`, {
    hint: "Wait for that run to end, or give LOCK_TIMEOUT more time. A lock is never left behind by a dead process.",
  });
}
