import { text } from "node:stream/consumers";
import { describeError, hintOf, LifeboatError } from "../../../errors.ts";
import type { RowsAnswer, RowsFailure, RowsJob } from "./job.ts";
import { restoreRows } from "./restore.ts";

/**
 * Restores rows: started by sources/sqlite-rows.ts as a process of its own, which can be ended at any moment (SQLite
 * rolls back then). Reads a RowsJob from standard input and prints a RowsAnswer; any other end is a crash.
 */
const job = JSON.parse(await text(process.stdin)) as RowsJob;
process.stdout.write(JSON.stringify(answerTo(job)));

function answerTo(job: RowsJob): RowsAnswer {
  try {
    return { kind: "done", tables: restoreRows(job) };
  } catch (error) {
    const hint = hintOf(error);
    const isOurs = error instanceof LifeboatError;
    const cause = isOurs ? error.cause : error;
    return {
      kind: "failed",
      failure: isOurs ? (error.kind as RowsFailure) : "failed",
      message: isOurs ? error.message : "the rows cannot be restored",
      ...(hint ? { hint } : {}),
      ...(cause === undefined ? {} : { cause: describeError(cause) }),
    };
  }
}
