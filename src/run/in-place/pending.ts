import { describeError, LifeboatError } from "../../errors.ts";
import { readInPlaceJournal } from "./journal.ts";

/** A restore in place that was begun and not ended. */
export interface Pending {
  /** Undefined when its journal cannot be understood. */
  readonly backupId?: string;
  /** For a person. */
  readonly sentence: string;
}

/** Undefined if there is none. Whoever holds the lock knows that its process is dead. */
export async function pendingInPlace(stateFolder: string): Promise<Pending | undefined> {
  try {
    const journal = await readInPlaceJournal(stateFolder);
    if (!journal) return undefined;
    const { backupId } = journal;
    return { backupId, sentence: `a restore in place of backup ${backupId} is not ended: ${ENDED_BY}` };
  } catch (error) {
    return { sentence: describeError(error) };
  }
}

/** For those who read or write live data: it may be half old, half new, and what is written there may be lost. */
export async function refusePending(stateFolder: string): Promise<void> {
  const pending = await pendingInPlace(stateFolder);
  if (pending) throw new LifeboatError("failed", pending.sentence, { hint: "Nothing was touched." });
}

const ENDED_BY = "the daemon does it, the next backup, or the next 'restore --in-place'";
