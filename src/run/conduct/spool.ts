import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { LifeboatError } from "../../errors.ts";
import type { Clock } from "../../system/clock.ts";
import { diskFailure } from "../../system/disk-failure.ts";
import { freeBytes } from "../../system/files.ts";

/** A private folder below the state folder for the files of one run: staged copies, sealed archives, fetched backups. */
export interface Spool extends AsyncDisposable {
  readonly folder: string;
  /** Makes a folder in it; one that is there already is kept. */
  makeFolder(name: string): Promise<string>;
  /** Takes away everything in it, so that its space can be used again. */
  empty(): Promise<void>;
}

/**
 * Opens a spool, after taking away what dead runs left behind. The caller holds the lock, so no other run is alive.
 * Everything in it goes when it is disposed of.
 */
export async function openSpool(stateFolder: string, clock: Clock): Promise<Spool> {
  const parent = join(stateFolder, "spool");
  try {
    await mkdir(parent, { recursive: true, mode: 0o700 });
    for (const leftover of await readdir(parent)) await removeTree(join(parent, leftover));
    await removeOldReaders(stateFolder, clock);
    return await makeSpool(parent);
  } catch (error) {
    throw diskFailure(error, "make a spool", stateFolder);
  }
}

/** A spool for commands that only read and hold no lock (`ls` while a backup runs). */
export async function openReaderSpool(stateFolder: string): Promise<Spool> {
  try {
    return await makeSpool(join(stateFolder, READERS));
  } catch (error) {
    throw diskFailure(error, "make a spool", stateFolder);
  }
}

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

/** No `ls` takes a day: what is older was left by one that was killed. */
const READER_AGE_MS = 24 * 60 * 60 * 1000;

async function removeOldReaders(stateFolder: string, clock: Clock): Promise<void> {
  const parent = join(stateFolder, READERS);
  await mkdir(parent, { recursive: true, mode: 0o700 });
  for (const name of await readdir(parent)) {
    const path = join(parent, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Infinity })); // Gone: its own command removed it.
    if (clock.now().getTime() - mtimeMs > READER_AGE_MS) await removeTree(path);
  }
}

/** Rejects, naming both numbers, when `folder` has not at least `neededBytes` free. */
export async function requireSpace(folder: string, neededBytes: number, what: string): Promise<void> {
  const free = await freeBytes(folder);
  // The file system's own bookkeeping, the journal and the index need a little beside the data.
  const RESERVE_BYTES = 16 * 1024 * 1024;
  if (free < neededBytes + RESERVE_BYTES) throw notEnoughSpace(folder, neededBytes + RESERVE_BYTES, free, what);
}

/** `error`, or, where `folder` has not the `neededBytes` left that the work that failed was to bring there, that. */
export async function orNotEnoughSpace(
  error: unknown,
  folder: string,
  neededBytes: number,
  what: string,
): Promise<unknown> {
  const free = await freeBytes(folder);
  return free < neededBytes ? notEnoughSpace(folder, neededBytes, free, what, error) : error;
}

function notEnoughSpace(folder: string, neededBytes: number, free: number, what: string, cause?: unknown): Error {
  const mib = (bytes: number) => `${Math.ceil(bytes / 1024 / 1024)} MiB`;
  return new LifeboatError(
    "failed",
    `not enough space in '${folder}' ${what}: ${mib(neededBytes)} needed, ${mib(free)} free`,
    {
      hint: "Nothing was touched. Free some space, or mount a larger volume there (BACKUP_STATE says where).",
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 3 });
}
