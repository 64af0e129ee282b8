import { describeError } from "../../errors.ts";
import type { Tools } from "../conduct/tools.ts";
import { readInPlaceJournal } from "./journal.ts";
import { resumed, type Progress } from "./progress.ts";
import { tidyServers } from "./postgres/work.ts";
import { putBack, requireHealth } from "./replace.ts";
import { openWorker } from "./worker.ts";

/**
 * Ends a restore in place whose process died: in all-old if it had not put all of the new data in place or the stack
 * is not well on it, else in all-new. The caller holds the lock, and brings back what is held when this resolves.
 * Rejects when the files cannot be reached and may be half old, half new: then neither a backup nor another restore may
 * begin. What cannot be tidied up is only told of; the next start tries again.
 */
export async function resumeInPlace(tools: Tools): Promise<void> {
  const journal = await readInPlaceJournal(tools.config.state);
  if (!journal) return;
  tools.log.warn("ending a restore in place that was cut off", { backup: journal.backupId, phase: journal.phase });
  const signal = new AbortController().signal;
  await using progress = resumed(
    journal,
    () => openWorker(journal.byHelper, journal.job, tools, signal),
    (written, kept) => tidyServers(written, kept, tools),
  );
  const isNew = await settle(progress, tools, signal).catch((error: unknown) => {
    if (!isSettled(progress)) throw error;
    tools.log.error("what a restore left behind cannot be removed yet", { error: describeError(error) });
    return undefined;
  });
  if (isNew === undefined) return;
  tools.log.warn(isNew ? "the restore is complete" : "everything is as it was before the restore", {
    backup: journal.backupId,
  });
}

/** All-old or all-new already: what is left to do is to tidy up, and nothing has to wait for that. */
function isSettled({ journal }: Progress): boolean {
  return ["staging", "finishing", "undone"].includes(journal.phase);
}

async function settle(progress: Progress, tools: Tools, signal: AbortSignal): Promise<boolean> {
  const { keepOld } = progress.journal;
  switch (progress.journal.phase) {
    case "staging":
      await progress.end(null);
      return false;
    case "finishing":
      await progress.end(keepOld ? "old" : null);
      return true;
    case "swapped":
      if (await isWell(progress, tools, signal)) {
        await progress.enter("finishing");
        await progress.end(keepOld ? "old" : null);
        return true;
      }
      break;
    case "swapping":
    case "undoing":
    case "undone":
      break;
  }
  if (progress.journal.phase !== "undone") await putBack(progress, tools);
  await progress.end(keepOld ? "failed" : null);
  return false;
}

async function isWell(progress: Progress, tools: Tools, signal: AbortSignal): Promise<boolean> {
  const { log, quiescer } = tools;
  try {
    const { failures } = await quiescer.recover();
    const [down] = failures.filter(({ kind }) => kind === "left-down");
    if (down) throw down.error;
    await requireHealth(progress, (sentence) => log.warn(sentence), tools, signal);
    return true;
  } catch (error) {
    log.error("the stack is not well on the restored data", { error: describeError(error) });
    return false;
  }
}
