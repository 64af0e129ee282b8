import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import type { RunReport } from "../../report/outcome.ts";
import { writeAtomically } from "../../system/files.ts";

/** A run that has ended, as its process left word of it in the state folder. Holds no secrets. */
const endedRunSchema = z.object({
  command: z.string(),
  outcome: z.enum(["succeeded", "degraded", "failed"]),
  exitCode: z.number().int(),
  finishedAt: z.iso.datetime(),
  tookMs: z.number(),
  backupId: z.string().optional(),
  /** The first few. */
  warnings: z.array(z.string()),
  failure: z.string().optional(),
  by: z.object({ pid: z.number().int(), host: z.string() }),
});

export type EndedRun = z.infer<typeof endedRunSchema>;

const fileSchema = z.object({ version: z.literal(1), runs: z.array(endedRunSchema) });

const KEPT_RUNS = 20;
const KEPT_WARNINGS = 3;

/** The last runs on this state folder, oldest first; none where that cannot be read: nothing depends on it. */
export async function endedRuns(stateFolder: string): Promise<readonly EndedRun[]> {
  try {
    return fileSchema.parse(JSON.parse(await readFile(pathIn(stateFolder), "utf8"))).runs;
  } catch {
    return [];
  }
}

/**
 * Leaves word of a run of this process, for the daemon's log. Of two that end in the same instant one may be lost.
 * Rejects if it cannot be written.
 */
export async function noteEndedRun(stateFolder: string, report: RunReport): Promise<void> {
  const { command, outcome, exitCode, startedAt, finishedAt, backupId, warnings, failure } = report;
  const run: EndedRun = {
    ...{ command, outcome, exitCode },
    finishedAt: finishedAt.toISOString(),
    tookMs: finishedAt.getTime() - startedAt.getTime(),
    ...(backupId === undefined ? {} : { backupId }),
    warnings: warnings.slice(0, KEPT_WARNINGS),
    ...(failure === undefined ? {} : { failure: failure.message }),
    by: { pid: process.pid, host: hostname() },
  };
  const runs = [...(await endedRuns(stateFolder)), run].slice(-KEPT_RUNS);
  await writeAtomically(pathIn(stateFolder), `${JSON.stringify({ version: 1, runs })}\n`);
}

export function isOwnRun({ by }: EndedRun): boolean {
  return by.pid === process.pid && by.host === hostname();
}

function pathIn(stateFolder: string): string {
  return join(stateFolder, "ended-runs.json");
}
