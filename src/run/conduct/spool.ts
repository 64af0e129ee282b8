import { randomBytes } from "node:crypto";
import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { LifeboatError } from "../../errors.ts";
import type { Clock } from "../../system/clock.ts";
import { diskFailure } from "../../system/disk-failure.ts";
import { freeBytes, isSystemError } from "../../system/files.ts";
import { removeTree } from "../../system/trees.ts";
import { isLocked, lockFolder } from "../../system/lock.ts";

/** A private folder below the state folder for the files of one run: staged copies, sealed archives, fetched backups. */
export interface Spool extends AsyncDisposable {
  readonly folder: string;
  /** Makes a folder in it; one that is there already is kept. */
  makeFolder(name: string): Promise<string>;
  /** Takes away everything in it, so that its space can be used again. */
  empty(): Promise<void>;
}

/** Opens a spool, after taking away what dead runs left behind. The caller holds the lock. */
export async function openSpool(stateFolder: string, clock: Clock): Promise<Spool> {
  try {
    await removeLeftSpools(stateFolder, clock);
    return await makeSpool(join(stateFolder, SPOOL));
  } catch (error) {
    throw diskFailure(error, "make a spool", stateFolder);
  }
}

/** A spool for commands that only read and do not hold the lock (`ls` while a backup runs). */
export async function openReaderSpool(stateFolder: string): Promise<Spool> {
  try {
    const spool = await makeSpool(join(stateFolder, READERS));
    const lock = lockFolder(spool.folder);
    return {
      ...spool,
      async [Symbol.asyncDispose]() {
        lock?.release();
        await spool[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    throw diskFailure(error, "make a spool", stateFolder);
  }
}

/**
 * Takes away what dead runs and dead readers left: copies of databases lie there in clear. Resolves with the folders
 * that were removed. The caller holds the lock, so no other run is alive; readers hold locks of their own.
 */
export async function removeLeftSpools(stateFolder: string, clock: Clock): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const kind of [SPOOL, READERS]) {
    const parent = join(stateFolder, kind);
    await mkdir(parent, { recursive: true, mode: 0o700 });
    for (const name of await readdir(parent)) {
      const path = join(parent, name);
      if (kind === READERS && !(await isDead(path, clock))) continue;
      await removeTree(path);
      removed.push(path);
    }
  }
  return removed;
}

/** True if a dead run left something in the spool, or a run is under way. */
export async function spoolIsUsed(stateFolder: string): Promise<boolean> {
  try {
    return (await readdir(join(stateFolder, SPOOL))).length > 0;
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return false;
    throw error;
  }
}

const SPOOL = "spool";
const READERS = "reading";

async function makeSpool(parent: string): Promise<Spool> {
  const folder = join(parent, randomBytes(4).toString("hex"));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return {
    folder,
    async makeFolder(name) {
      const path = join(folder, name);
      try {
        await mkdir(path, { recursive: true, mode: 0o700 });
      } catch (error) {
        throw diskFailure(error, `make '${name}'`, folder);
      }
      return path;
    },
    async empty() {
      for (const name of await readdir(folder)) await removeTree(join(folder, name));
    },
    [Symbol.asyncDispose]: () => removeTree(folder),
  };
}

/** A reader that has just made its folder may not have locked it yet. */
const UNLOCKED_MS = 60_000;

async function isDead(folder: string, clock: Clock): Promise<boolean> {
  // Gone: its own command removed it.
  const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Infinity }));
  return clock.now().getTime() - mtimeMs > UNLOCKED_MS && !isLocked(folder);
}

/** The file system's own bookkeeping, the journal and the index need a little beside the data. */
export const RESERVE_BYTES = 16 * 1024 * 1024;

const LARGER_STATE = "mount a larger volume there (BACKUP_STATE says where)";

/**
 * Rejects, naming both numbers, when `folder` has not at least `neededBytes` free. `otherwise`: what can be done but to
 * free some space; default: what helps where the state folder is.
 */
export async function requireSpace(
  folder: string,
  neededBytes: number,
  what: string,
  otherwise = LARGER_STATE,
): Promise<void> {
  const free = await freeBytes(folder);
  const needed = neededBytes + RESERVE_BYTES;
  if (free < needed) throw notEnoughSpace({ folder, neededBytes: needed, free, what, otherwise });
}

/** `error`, or, where `folder` has not the `neededBytes` left that the work that failed was to bring there, that. */
export async function orNotEnoughSpace(
  error: unknown,
  folder: string,
  neededBytes: number,
  what: string,
): Promise<unknown> {
  const free = await freeBytes(folder);
  if (free >= neededBytes) return error;
  return notEnoughSpace({ folder, neededBytes, free, what, otherwise: LARGER_STATE, cause: error });
}

interface Shortage {
  readonly folder: string;
  readonly neededBytes: number;
  readonly free: number;
  readonly what: string;
  readonly otherwise: string;
  readonly cause?: unknown;
}

function notEnoughSpace({ folder, neededBytes, free, what, otherwise, cause }: Shortage): LifeboatError {
  const mib = (bytes: number) => `${Math.ceil(bytes / 1024 / 1024)} MiB`;
  return new LifeboatError(
    "failed",
    `not enough space in '${folder}' ${what}: ${mib(neededBytes)} needed, ${mib(free)} free`,
    {
      hint: `Nothing was touched. Free some space, or ${otherwise}.`,
      ...(cause === undefined ? {} : { cause }),
    },
  );
}
