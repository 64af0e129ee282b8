import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { LifeboatError } from "../../errors.ts";
import { ChildError, runChild } from "../../system/children.ts";
import type { Answer, CheckJob, Checked, Copied, CopyJob } from "./job.ts";

/**
 * Each job has a process of its own, which can be ended at any moment: by its deadline, and by the signal.
 * Both reject, naming the database, when it fails, crashes or is late.
 */
export async function copyInOwnProcess(job: Omit<CopyJob, "do">, signal: AbortSignal): Promise<Copied> {
  const answer = await answerTo({ do: "copy", ...job }, signal);
  return answer.copied;
}

export async function checkInOwnProcess(job: Omit<CheckJob, "do">, signal: AbortSignal): Promise<Checked> {
  const answer = await answerTo({ do: "check", ...job }, signal);
  return answer.checked;
}

/** For the process to notice its deadline by itself and say what was in the way. */
const GRACE_MS = 2000;

type AnswerTo<J extends CopyJob | CheckJob> = Extract<Answer, { readonly did: J["do"] }>;

async function answerTo<J extends CopyJob | CheckJob>(job: J, signal: AbortSignal): Promise<AnswerTo<J>> {
  // The sibling file has our own ending: .ts in the sources, .js once compiled.
  const program = fileURLToPath(new URL(`process${extname(import.meta.url)}`, import.meta.url));
  const done = job.do === "copy" ? "copied" : "checked";
  let answer: Answer;
  try {
    const { stdout } = await runChild(
      { program: process.execPath, args: [program] },
      { input: JSON.stringify(job), timeoutMs: job.timeoutMs + GRACE_MS, signal },
    );
    answer = JSON.parse(stdout) as Answer;
  } catch (cause) {
    signal.throwIfAborted();
    const why = cause instanceof ChildError ? "its process crashed" : `not within ${job.timeoutMs / 1000} s`;
    throw new LifeboatError("failed", `database '${job.name}' could not be ${done}: ${why}`, {
      cause,
      hint: "If it is large or often locked, raise BACKUP_SQLITE_TIMEOUT.",
    });
  }
  if (answer.did !== "fail") return answer as AnswerTo<J>;
  throw new LifeboatError("failed", `database '${job.name}' could not be ${done}: ${answer.message}`, {
    ...(answer.hint ? { hint: answer.hint } : {}),
    ...(answer.cause ? { cause: new Error(answer.cause) } : {}),
  });
}
