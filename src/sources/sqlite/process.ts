import { text } from "node:stream/consumers";
import { describeError, hintOf, LifeboatError } from "../../errors.ts";
import { systemClock } from "../../system/clock.ts";
import { checkCopy } from "./check.ts";
import { copyDatabase } from "./copy.ts";
import type { Answer, CopyJob, Job } from "./job.ts";

/**
 * Copies a database, or has its share in a check: started by own-process.ts as a process of its own (not a worker
 * thread: a thread cannot be ended inside a long call of SQLite's, and shares its locks with the whole process). Reads a
 * Job from standard input and prints the answer; any other end is a crash.
 */
const job = JSON.parse(await text(process.stdin)) as Job;
const answer = await answerTo(job);
process.stdout.write(JSON.stringify(answer));

async function answerTo(job: Job): Promise<Answer> {
  try {
    if (job.do === "check") return { did: "check", findings: checkCopy(job, systemClock) };
    return { did: "copy", copied: await copyDatabase(job, systemClock, timeChecker(job)) };
  } catch (error) {
    const hint = hintOf(error);
    const [message, cause] =
      error instanceof LifeboatError ? [error.message, error.cause] : ["SQLite cannot work on it", error];
    return {
      did: "fail",
      message,
      ...(hint ? { hint } : {}),
      ...(cause === undefined ? {} : { cause: describeError(cause) }),
    };
  }
}

/** Throws once the time is up, or once the run that wants the copy is dead: a pinned snapshot holds up the writers. */
function timeChecker(job: CopyJob): () => void {
  const parent = process.ppid;
  const endsAt = systemClock.elapsedMs() + job.timeoutMs;
  return () => {
    if (process.ppid !== parent) throw new LifeboatError("failed", "the run that wanted the copy has ended");
    if (systemClock.elapsedMs() > endsAt) {
      throw new LifeboatError("failed", `it could not be copied within ${job.timeoutMs / 1000} s`, {
        hint: "Raise BACKUP_SQLITE_TIMEOUT, or let the container that writes to it rest: 'lifeboat.hold=stop'.",
      });
    }
  };
}
