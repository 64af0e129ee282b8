import { endedRuns, isOwnRun, type EndedRun } from "../conduct/ended-runs.ts";
import type { Tools } from "../conduct/tools.ts";

/** How long a run of a command beside the daemon may have ended before the daemon's log has it. */
export const TELL_RUNS_MS = 5_000;

/**
 * Gives what tells, each time it is called, of the runs of other processes that have ended since the last time: a
 * command beside the daemon has a terminal of its own, and the container's log would know nothing of it.
 */
export async function tellingRuns({ config, log }: Pick<Tools, "config" | "log">): Promise<() => Promise<void>> {
  const nameOf = ({ finishedAt, by }: EndedRun) => `${finishedAt} ${by.pid} ${by.host}`;
  let told = new Set((await endedRuns(config.state)).map(nameOf));
  return async () => {
    const runs = await endedRuns(config.state);
    const fresh = runs.filter((run) => !told.has(nameOf(run)) && !isOwnRun(run));
    told = new Set(runs.map(nameOf));
    for (const { command, outcome, backupId: id, exitCode, tookMs, failure, warnings } of fresh) {
      const level = ({ succeeded: "info", degraded: "warn", failed: "error" } as const)[outcome];
      log[level](`${command} was run by hand, and ${outcome}`, {
        ...{ id, exitCode, tookMs, error: failure },
        ...(warnings.length > 0 && { warnings }),
      });
    }
  };
}
