import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { LifeboatError } from "../errors.ts";
import type { Clock } from "./clock.ts";

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
 * Rejects with a "locked" error naming the owner when that time is over.
 */
export async function acquireLock(
  stateFolder: string,
  what: string,
  timeoutMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<Lock> {
  mkdirSync(stateFolder, { recursive: true });
  const ownerFile = join(stateFolder, "lock.json");
  const deadline = clock.elapsedMs() + timeoutMs;
  const database = new Database(join(stateFolder, "lock.db"), { timeout: 0 });
  try {
    while (!tryLock(database)) {
      const leftMs = deadline - clock.elapsedMs();
      if (leftMs <= 0) throw lockedError(stateFolder, ownerFile, timeoutMs);
      await clock.sleep(Math.min(POLL_MS, leftMs), signal);
    }
  } catch (error) {
    database.close();
    throw error;
  }
  const owner: Owner = { what, pid: process.pid, host: hostname(), since: clock.now().toISOString() };
  writeFileSync(ownerFile, JSON.stringify(owner));
  return lockOf(database);
}

function lockOf(database: Database.Database): Lock {
  const release = () => {
    if (database.open) database.close();
  };
  return { release, [Symbol.dispose]: release };
}

/** True while any process on this machine has the lock of the folder: of a state folder, while a run is under way. */
export function isLocked(folder: string): boolean {
  const path = join(folder, "lock.db");
  if (!existsSync(path)) return false;
  const database = new Database(path, { timeout: 0 });
  try {
    return !tryLock(database);
  } finally {
    database.close();
  }
}

/**
 * Marks a folder that exists as in use for as long as this process lives, which `isLocked` tells to others. Undefined
 * if somebody else has it.
 */
export function lockFolder(folder: string): Lock | undefined {
  const database = new Database(join(folder, "lock.db"), { timeout: 0 });
  if (tryLock(database)) return lockOf(database);
  database.close();
  return undefined;
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
