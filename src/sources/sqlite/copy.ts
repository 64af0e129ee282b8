import { rm, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { LifeboatError } from "../../errors.ts";
import type { Clock } from "../../system/clock.ts";
import { bytesOf, printable, type ByteString } from "../names.ts";
import { DATA_FILES } from "./at-rest.ts";
import { tryToCopy, type Unchecked } from "./attempt.ts";
import { lookAtFiles } from "./files.ts";
import type { Attempt, Copied, CopyJob } from "./job.ts";
import { nameInUse } from "./name-in-use.ts";
import { Obstacle } from "./obstacle.ts";

/**
 * Makes a consistent copy of a live database at `<job.folder>/copy`, by the means that its state on disk
 * allows, trying again while something is in the way. Must run in a process that has no other business with the
 * database: it opens and closes the file also by other means than SQLite, which drops the process's locks on it.
 * Rejects with a LifeboatError whose message says what is wrong with "it".
 */
export async function copyDatabase(given: CopyJob, clock: Clock, checkTime: () => void): Promise<Copied> {
  const { name, others } = await nameInUse([given.database, ...given.otherNames]);
  const job = { ...given, database: name };
  const attempt = { job, link: join(job.folder, "database"), copy: join(job.folder, "copy"), clock, checkTime };
  await symlink(bytesOf(job.database), attempt.link);
  const startedAt = clock.elapsedMs();
  const raw = await patiently(attempt, startedAt);
  if (raw.method !== "raw") await removeSideFiles(attempt.copy);
  const tookMs = Math.round(clock.elapsedMs() - startedAt);
  return {
    method: raw.method,
    flaws: [...raw.flaws, ...others.map((other) => aboutTwoUses(name, other))],
    database: name,
    sideFiles: raw.sideFiles,
    facts: {
      method: raw.method,
      journalMode: raw.header.journalMode,
      lockedMs: Math.round(raw.lockedMs),
      walBytes: Number((await lookAtFiles(job.database)).wal?.size ?? 0n),
      tookMs,
    },
    tookMs,
  };
}

function aboutTwoUses(...names: readonly ByteString[]): string {
  const [used, other] = names.map((name) => `'${printable(name.slice(name.lastIndexOf("/") + 1))}'`);
  return `it is in use by two of its names, and changes beside ${other} are not in the copy, which has those beside ${used}: let all open it by one name`;
}

const FIRST_PAUSE_MS = 10;
const MAX_PAUSE_MS = 100;

async function patiently(attempt: Attempt, startedAt: number): Promise<Unchecked> {
  const { job, clock } = attempt;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
    try {
      return await tryToCopy(attempt);
    } catch (error) {
      const waitedMs = clock.elapsedMs() - startedAt;
      const limitMs = Math.min(job.timeoutMs, error instanceof Obstacle ? error.patienceMs : 0);
      if (waitedMs + pauseMs > limitMs || isTimeUp(attempt)) throw failure(error, waitedMs);
    }
    await clock.sleep(pauseMs);
  }
}

/** The time began with the process, a little before the first look; what is in the way says more than that it is over. */
function isTimeUp({ checkTime }: Attempt): boolean {
  try {
    checkTime();
    return false;
  } catch {
    return true; // The caller throws what was in the way.
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
