import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { LifeboatError } from "../../errors.ts";
import { ChildError, runChild } from "../../system/children.ts";
import type { Answer, Copied, CopyJob, Job } from "./job.ts";

/**
 * Copies a database in a process of its own, which can be ended at any moment: by its deadline, and by the signal.
 * Rejects, naming the database, when it fails, crashes or is late.
 */
export async function copyInOwnProcess(job: Omit<CopyJob, "do">, signal: AbortSignal): Promise<Copied> {
  const answer = await answerOf({ do: "copy", ...job }, signal);
  if (answer.did === "copy") return answer.copied;
  throw new LifeboatError("failed", `database '${job.name}' could not be copied: ${answer.message}`, {
    ...(answer.hint ? { hint: answer.hint } : {}),
    ...(answer.cause === undefined ? {} : { cause: new Error(answer.cause) }),
  });
}

export type Unanswered = Extract<Answer, { readonly did: "fail" }>;

/** For the process to notice its deadline by itself and say what was in the way. */
const GRACE_MS = 2000;

/** What a process of its own has to say to the job; also if it crashed or was late. Rejects with the signal's reason. */
export async function answerOf<J extends Job>(
  job: J,
  signal: AbortSignal,
): Promise<Extract<Answer, { readonly did: J["do"] }> | Unanswered> {
  // The sibling file has our own ending: .ts in the sources, .js once compiled.
  const program = fileURLToPath(new URL(`process${extname(import.meta.url)}`, import.meta.url));
  try {
    const { stdout } = await runChild(
      { program: process.execPath, args: [program] },
      { input: JSON.stringify(job), timeoutMs: job.timeoutMs + GRACE_MS, signal },
    );
    return JSON.parse(stdout) as Extract<Answer, { readonly did: J["do"] }> | Unanswered;
  } catch (error) {
    signal.throwIfAborted();
    const crashed = error instanceof ChildError;
    return {
      did: "fail",
      message: crashed ? "its process crashed" : `not within ${job.timeoutMs / 1000} s`,
      hint: "If it is large or often locked, raise BACKUP_SQLITE_TIMEOUT.",
      ...(crashed ? { cause: error.message } : {}),
    };
  }
}
