import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { LifeboatError } from "../errors.ts";
import { ChildError, runChild } from "../system/children.ts";
import type { RowsAnswer, RowsJob, TableOutcome } from "./sqlite/rows/job.ts";

export type { RowsJob, RowWish, ShownRow, TableOutcome } from "./sqlite/rows/job.ts";

/**
 * Restores rows of a SQLite database in a process of its own. `timeoutMs` is the deadline for all of it, waiting for
 * locks included. Rejects with "usage", "not-found" or "failed"; then nothing was written.
 */
export async function restoreRows(
  job: Omit<RowsJob, "lockTimeoutMs">,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<readonly TableOutcome[]> {
  // The sibling file has our own ending: .ts in the sources, .js once compiled.
  const program = fileURLToPath(new URL(`sqlite/rows/process${extname(import.meta.url)}`, import.meta.url));
  const input = JSON.stringify({ ...job, lockTimeoutMs: timeoutMs } satisfies RowsJob);
  let answer: RowsAnswer;
  try {
    const command = { program: process.execPath, args: [program] };
    const { stdout } = await runChild(command, { input, timeoutMs: timeoutMs + GRACE_MS, signal });
    answer = JSON.parse(stdout) as RowsAnswer;
  } catch (cause) {
    signal.throwIfAborted();
    const why = cause instanceof ChildError ? "its process crashed" : `not within ${timeoutMs / 1000} s`;
    throw new LifeboatError("failed", `the rows could not be restored: ${why}`, {
      cause,
      hint:
        "SQLite rolls back what was under way. Look at the rows before trying again; if the database is large or often " +
        "locked, raise BACKUP_SQLITE_TIMEOUT.",
    });
  }
  if (answer.kind === "done") return answer.tables;
  throw new LifeboatError(answer.failure, answer.message, {
    ...(answer.hint ? { hint: answer.hint } : {}),
    ...(answer.cause ? { cause: new Error(answer.cause) } : {}),
  });
}

/** For the process to notice a lock's deadline by itself and say so. */
const GRACE_MS = 5000;
