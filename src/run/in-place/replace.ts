import { describeError, Interrupted, LifeboatError } from "../../errors.ts";
import type { ReleaseFailure, Replaced } from "../../quiesce/quiescer.ts";
import { failpoint } from "../../system/failpoint.ts";
import type { Conduct } from "../conduct/conduct.ts";
import type { Tools } from "../conduct/tools.ts";
import { whereaboutsOf } from "./postgres/servers.ts";
import { loadTheRest, type LateLoad } from "./postgres/stage.ts";
import { identifyDatabases, swapDatabases, undoDatabases } from "./postgres/work.ts";
import type { Progress } from "./progress.ts";

/** Undoing must run to its end while everything else is being cancelled. */
const toTheEnd = new AbortController().signal;

/**
 * Hold, swap, release, watch; then the old data goes. Everything is staged and checked, but for what is `late`: that is
 * loaded while all is held. On any failure, and when the stack is not well on the new data, the old is put back and the
 * stack brought up on it, and this rejects with why.
 */
export async function replace(
  progress: Progress,
  late: readonly LateLoad[],
  run: Conduct,
  tools: Tools,
  signal: AbortSignal,
): Promise<void> {
  const { quiescer } = tools;
  try {
    const replaced = await replacedBy(progress, tools, signal);
    const hold = await run.step("hold", () => quiescer.holdForRestore(replaced, signal));
    await failpoint("in-place:held", signal);
    for (const warning of hold.warnings) tools.log.warn(warning);
    await run.step("swap", async () => {
      const swaps = await progress.work((files) => files.plan(signal));
      const databases = await identifyDatabases(progress.journal.databases, tools, signal);
      const awake = await hold.stillAtRest();
      if (awake.length > 0) throw new LifeboatError("failed", `container '${awake[0]}' was started by someone else`);
      await progress.enter("swapping", { swaps, databases, watched: [...hold.watched] });
      signal.throwIfAborted();
      await progress.work((files) => files.swap(swaps));
      await swapDatabases(databases, tools, signal);
      await loadTheRest(late, signal);
      await progress.enter("swapped");
    });
    await run.step("release", async () => refuseLeftDown(await hold.release()));
    if (hold.held.length > 0) tools.log.info("containers released", { held: hold.held, atRestMs: hold.atRestMs() });
    await failpoint("in-place:released", signal);
    if (hold.watched.length > 0) tools.log.info("watching whether the stack is well", { containers: hold.held });
    await run.step("watch", () => requireHealth(progress, run.warn, tools, signal));
  } catch (error) {
    throw await rollBack(error, progress, run, tools);
  }
  await forgetOld(progress, run);
}

async function replacedBy({ journal }: Progress, tools: Tools, signal: AbortSignal): Promise<Replaced> {
  const folders = journal.job.places.map(({ folder }) => folder);
  return { folders, servers: await whereaboutsOf(journal.databases, tools, signal) };
}

function refuseLeftDown(failures: readonly ReleaseFailure[]): void {
  const [first] = failures.filter(({ kind }) => kind === "left-down");
  if (first) throw first.error;
}

/** Rejects if a container that was well before is not; of others it is only told. */
export async function requireHealth(
  { journal }: Progress,
  warn: (sentence: string) => void,
  { quiescer }: Tools,
  signal: AbortSignal,
): Promise<void> {
  const unwell = await quiescer.watch(journal.watched, signal);
  for (const { wasWell, problem } of unwell) if (!wasWell) warn(`${problem}; nor was it well before the restore`);
  const red = unwell.find(({ wasWell }) => wasWell);
  if (red) throw new LifeboatError("failed", `the stack is not well on the restored data: ${red.problem}`);
}

/** Old data back and the stack up on it. Resolves with the error to reject with. */
async function rollBack(cause: unknown, progress: Progress, run: Conduct, tools: Tools): Promise<unknown> {
  const isTouched = progress.journal.phase !== "staging";
  tools.log.error("restore failed, going back to what was there", { error: describeError(cause) });
  try {
    if (isTouched) await putBack(progress, tools);
    for (const { container, error } of (await tools.quiescer.recover()).failures) run.leftDown(container, error);
    await progress.end(isTouched && progress.journal.keepOld ? "failed" : null);
    for (const { container, wasWell, problem } of await tools.quiescer.watch(progress.journal.watched, toTheEnd)) {
      if (wasWell) run.leftDown(container, new LifeboatError("left-down", `${problem}, also on the old data`));
    }
  } catch (error) {
    return new LifeboatError("failed", `the restore failed (${describeError(cause)}), and so did its undoing`, {
      cause: error,
      hint: "The next start of lifeboat goes on with it. Until then nothing is removed: the old data is in '.lifeboat-*/old', an old database is named …_old_….",
    });
  }
  if (!isTouched) return cause;
  tools.log.info("everything is as it was before the restore");
  if (cause instanceof Interrupted) return cause;
  const { keepOld, job, databases } = progress.journal;
  const failed = [
    ...(job.places.length > 0 ? [`.lifeboat-${job.runId}/failed`] : []),
    ...databases.map(({ fresh }) => fresh),
  ];
  const kept = keepOld ? ` What failed is kept: ${failed.map((one) => `'${one}'`).join(", ")}.` : "";
  return new LifeboatError("failed", "the restore was rolled back; everything is as it was", {
    cause,
    hint: `Find out why, for instance with docker logs, and restore again.${kept}`,
  });
}

/** Stops what runs, and puts the old data back, from wherever the restore stopped. */
export async function putBack(progress: Progress, tools: Tools): Promise<void> {
  await tools.quiescer.holdForRestore(await replacedBy(progress, tools, toTheEnd), toTheEnd);
  await progress.enter("undoing");
  await progress.work((files) => files.undo(progress.journal.swaps));
  await undoDatabases(progress.journal.databases, tools);
  await progress.enter("undone");
}

async function forgetOld(progress: Progress, run: Conduct): Promise<void> {
  try {
    await progress.enter("finishing");
    await progress.end(progress.journal.keepOld ? "old" : null);
  } catch (error) {
    run.warn(`restored, but the old data could not be removed yet: ${describeError(error)}; the next run tries again`);
  }
}
