import { stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import type { CheckFindings, CheckJob } from "./job.ts";
import { answerOf } from "./own-process.ts";

export interface Checked {
  /** What is damaged. */
  readonly flaws: readonly string[];
  /** Why it was not checked to the end; null: it was. Without flaws and with null here the copy is good. */
  readonly brokeOff: string | null;
  /** Among them what could not be checked, and rules that rows do not keep: neither makes a copy a bad one. */
  readonly facts: Readonly<Record<string, unknown>>;
}

/**
 * Checks a copy through, side by side in several processes if it is large, within `timeoutMs`. Rejects by the signal
 * alone: a copy need not be lost because its check was slow or crashed.
 */
export async function checkInProcesses(
  job: { readonly copy: string; readonly timeoutMs: number },
  signal: AbortSignal,
): Promise<Checked> {
  const shares = sharesOf((await stat(job.copy)).size);
  const answers = await Promise.all(shares.map((share) => answerOf({ do: "check", ...job, ...share }, signal)));
  const found = answers.flatMap((answer) => (answer.did === "check" ? [answer.findings] : []));
  const missing = answers.find((answer) => answer.did === "fail");
  return {
    flaws: bounded(found.flatMap(({ damage }) => damage)),
    brokeOff: missing ? [missing.message, ...(missing.cause === undefined ? [] : [missing.cause])].join(": ") : null,
    facts: factsOf(found, missing !== undefined),
  };
}

type Share = Pick<CheckJob, "structure" | "slice">;

/** Starting a process costs some 50 ms; this much is checked in one of them in less than a second. */
const ONE_PROCESS_BYTES = 64 * 1024 * 1024;

/** Each takes some 50 MB of memory. More than four would wait for the same disk. */
const MAX_SLICES = 4;

function sharesOf(sizeBytes: number): readonly Share[] {
  if (sizeBytes <= ONE_PROCESS_BYTES) return [{ structure: true, slice: { at: 0, of: 1 } }];
  const of = Math.min(MAX_SLICES, Math.max(2, availableParallelism()));
  const slices = Array.from({ length: of }, (_, at) => ({ structure: false, slice: { at, of } }));
  return [{ structure: true, slice: null }, ...slices];
}

function factsOf(found: readonly CheckFindings[], isUnfinished: boolean): Checked["facts"] {
  const facts = found.find((one) => one.facts)?.facts;
  const notChecked = bounded(found.flatMap((one) => one.notChecked));
  const rulesBroken = bounded(found.flatMap((one) => one.rulesBroken));
  return {
    check: facts ? (isUnfinished ? "structure" : "structure and indexes") : isUnfinished ? "unfinished" : "failed",
    ...(notChecked.length > 0 ? { notChecked } : {}),
    ...(rulesBroken.length > 0 ? { rulesBroken } : {}),
    ...facts,
  };
}

const MAX_TOLD = 5;

/** Several processes may have come upon the same. */
function bounded(sentences: readonly string[]): readonly string[] {
  const different = [...new Set(sentences)];
  const more = different.length - MAX_TOLD;
  return more > 0 ? [...different.slice(0, MAX_TOLD), `and ${more} more`] : different;
}
