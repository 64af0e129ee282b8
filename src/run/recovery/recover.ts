import { describeError, LifeboatError } from "../../errors.ts";
import type { ReleaseFailure } from "../../quiesce/quiescer.ts";
import { acquireLock } from "../../system/lock.ts";
import { resumeInPlace } from "../in-place/resume.ts";
import { dropLeftScratchDatabases } from "../rows/scratch-databases.ts";
import { removeLeftFiles } from "../conduct/left-files.ts";
import type { Tools } from "../conduct/tools.ts";

/** A run that died may have left containers at rest; they come back before anything else. The caller holds the lock. */
export async function bringBackLeftovers(tools: Tools): Promise<readonly ReleaseFailure[]> {
  const { quiescer, log } = tools;
  // First the files: no container may be started on half of a restore.
  await resumeInPlace(tools);
  const { broughtBack, failures } = await quiescer.recover();
  if (broughtBack.length > 0) log.warn("containers brought back that a dead run had left at rest", { broughtBack });
  await dropLeftScratchDatabases(tools);
  await removeLeftFiles(tools);
  return failures;
}

/**
 * For a daemon. What does not come back is tried again by every run, and `health` tells of it.
 * Resolves with false if a run in another process is alive: that brings back itself what it holds.
 */
export async function recoverLeftovers(tools: Tools, signal: AbortSignal): Promise<boolean> {
  const { config, clock, log } = tools;
  try {
    using _lock = await acquireLock(config.state, "recovery", 0, clock, signal);
    for (const { container, error } of await bringBackLeftovers(tools)) {
      log.error("container was not brought back", { container, error: describeError(error) });
    }
    return true;
  } catch (error) {
    if (error instanceof LifeboatError && error.kind === "locked") return false;
    throw error;
  }
}
