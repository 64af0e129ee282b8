import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { LifeboatError } from "../../errors.ts";
import { diskFailure } from "../../system/disk-failure.ts";
import { isSystemError, writeAtomically } from "../../system/files.ts";

/** A backup that a target was given, so that it is missed when it is no longer there. */
const markSchema = z.object({
  id: z.string(),
  stem: z.string(),
  takenAt: z.iso.datetime(),
  sequence: z.number().int(),
});

export type Mark = z.infer<typeof markSchema>;

/**
 * What the next run, `health` and the daemon need to know of earlier runs; written only by who holds the lock.
 * A cache of what the targets know, but for the times and what should be there: a state folder that is lost costs one
 * catch-up decision, and what vanished before that is not missed.
 */
const stateSchema = z.object({
  version: z.literal(1),
  /** When a backup run last began, whatever came of it. */
  lastRunAt: z.iso.datetime().optional(),
  lastGood: z.object({ id: z.string(), takenAt: z.iso.datetime() }).optional(),
  /** Size of the sealed archive divided by that of the tar stream in it, for the next estimate of space. */
  lastRatio: z.number().positive().optional(),
  /** The newest receipt written by this sidecar: the next one's sequence and `previous` follow from it. */
  lastReceipt: z.string().optional(),
  /** By the name of the target. */
  places: z
    .record(
      z.string(),
      z.object({
        /** The backup that it took last. */
        last: markSchema.optional(),
        /** The newest that it had, when it was looked at last, and had no more. */
        missing: markSchema.optional(),
        /** True if it was then a folder on another disk than the state folder. */
        apart: z.boolean().optional(),
      }),
    )
    .optional(),
});

export type State = z.infer<typeof stateSchema>;

/** What the daemon tells `health` and its own next start; written only by the daemon. */
const daemonSchema = z.object({
  version: z.literal(1),
  /** When a daemon first ran here: no backup can be overdue before its first firing after that. */
  firstStartedAt: z.iso.datetime(),
  /** Renewed every HEARTBEAT_MS while the scheduler lives. */
  heartbeatAt: z.iso.datetime(),
  nextRunAt: z.iso.datetime().optional(),
  /** Scheduled runs that did not begin because one was still under way. */
  skippedOverlaps: z.number().int().nonnegative(),
  /** The targets as they were when last looked at: what is wrong with them, what will be, and what has gone from them. */
  targets: z
    .array(
      z.object({
        name: z.string(),
        problem: z.string().optional(),
        remarks: z.array(z.string()).optional(),
        missing: markSchema.optional(),
      }),
    )
    .optional(),
});

export type DaemonState = z.infer<typeof daemonSchema>;

export const HEARTBEAT_MS = 30_000;

/** Reads the state; undefined where there is none yet. Rejects when the file is not ours or from a newer version. */
export async function readState(stateFolder: string): Promise<State | undefined> {
  return await readJson(join(stateFolder, "state.json"), stateSchema);
}

/** Changes some of the state, durably. The caller holds the lock. */
export async function updateState(stateFolder: string, change: Partial<State>): Promise<void> {
  const state: State = { version: 1, ...(await readState(stateFolder)), ...change };
  await writeJson(join(stateFolder, "state.json"), state);
}

/** As `readState`, of the daemon's own file. */
export async function readDaemonState(stateFolder: string): Promise<DaemonState | undefined> {
  return await readJson(join(stateFolder, "daemon.json"), daemonSchema);
}

export async function writeDaemonState(stateFolder: string, state: DaemonState): Promise<void> {
  await writeJson(join(stateFolder, "daemon.json"), state);
}

async function readJson<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw new LifeboatError("failed", `cannot read the state file '${path}'`, { cause: error });
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw new LifeboatError("failed", `the state file '${path}' cannot be understood`, {
      cause: error instanceof z.ZodError ? new Error(z.prettifyError(error)) : error,
      hint: "It may be from a newer version. Move it away: everything needed is found again on the targets.",
    });
  }
}

async function writeJson(path: string, value: unknown): Promise<void> {
  try {
    await writeAtomically(path, `${JSON.stringify(value, null, 2)}\n`);
  } catch (error) {
    throw diskFailure(error, `write '${basename(path)}'`, dirname(path));
  }
}
