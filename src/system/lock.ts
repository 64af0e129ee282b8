import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
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
  const deadline = clock.elapsedMs() + timeoutMs;
  let database: Database.Database | undefined;
  try {
    database = openLock(stateFolder, "lock");
    while (!tryLock(database)) {
      const leftMs = deadline - clock.elapsedMs();
      if (leftMs <= 0) throw lockedError(stateFolder, timeoutMs);
      await clock.sleep(Math.min(POLL_MS, leftMs), signal);
    }
    return ownedBy(what, database, stateFolder, "lock", clock);
  } catch (error) {
    database?.close();
    throw diskFailure(error, "take the lock", stateFolder);
  }
}

/**
 * Makes this process the daemon of `stateFolder` until the lock is released; runs go on beside it. Throws a "locked"
 * error naming the one that is it already, and "failed" if the disk does not let it.
 */
export function becomeDaemon(stateFolder: string, clock: Clock): Lock {
  let database: Database.Database | undefined;
  try {
    database = openLock(stateFolder, "daemon-lock");
    if (!tryLock(database)) throw otherDaemon(stateFolder);
    return ownedBy("daemon", database, stateFolder, "daemon-lock", clock);
  } catch (error) {
    database?.close();
    throw diskFailure(error, "take the daemon's lock", stateFolder);
  }
}

function otherDaemon(stateFolder: string): LifeboatError {
  const owner = ownerOf(stateFolder, "daemon-lock");
  const who = owner === undefined ? "" : ` (process ${owner.pid} on ${owner.host}, since ${owner.since})`;
  return new LifeboatError("locked", `a daemon runs on '${stateFolder}' already${who}`, {
    hint:
      "Without a command, 'lifeboat' is the daemon. Commands run beside it: 'lifeboat backup' makes a backup now, " +
      "'lifeboat help' shows the others. A second daemon needs a BACKUP_STATE and a BACKUP_NAME of its own.",
  });
}

/** Names of a lock's files: the lock itself is `NAME.db`, its owner is in `NAME.json`. */
type LockName = "lock" | "daemon-lock";

/** Folder and file are for this user alone, whatever the umask: whoever can open the file could take the lock. */
function openLock(stateFolder: string, name: LockName): Database.Database {
  if (mkdirSync(stateFolder, { recursive: true }) !== undefined) chmodSync(stateFolder, 0o700);
  const path = join(stateFolder, `${name}.db`);
  if (!existsSync(path)) {
    closeSync(openSync(path, "a", 0o600));
    chmodSync(path, 0o600);
  }
  return new Database(path, { timeout: 0 });
}

function ownedBy(what: string, database: Database.Database, stateFolder: string, name: LockName, clock: Clock): Lock {
  const owner: Owner = { what, pid: process.pid, host: hostname(), since: clock.now().toISOString() };
  const path = join(stateFolder, `${name}.json`);
  writeFileSync(path, JSON.stringify(owner), { mode: 0o600 });
  chmodSync(path, 0o600);
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
  const database = openLock(folder, "lock");
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

/** Undefined where the owner has the lock but has not written its name yet. */
function ownerOf(stateFolder: string, name: LockName): Owner | undefined {
  try {
    return JSON.parse(readFileSync(join(stateFolder, `${name}.json`), "utf8")) as Owner;
  } catch {
    return undefined;
  }
}

function lockedError(stateFolder: string, timeoutMs: number): LifeboatError {
  const owner = ownerOf(stateFolder, "lock");
  const who = owner ? `'${owner.what}' (process ${owner.pid} on ${owner.host}, since ${owner.since})` : "another run";
  return new LifeboatError("locked", `'${stateFolder}' is locked by ${who}; waited ${Math.round(timeoutMs / 1000)} s`, {
    hint: "Wait for that run to end, or give LOCK_TIMEOUT more time. A lock is never left behind by a dead process.",
  });
}
