import { describeError, exitCodeOf, exitCodes, hintOf } from "../errors.ts";
import { redact } from "../system/secret.ts";

export interface Step {
  readonly name: string;
  readonly tookMs: number;
}

/** What one target did with the backup of this run. */
export type TargetReport =
  | { readonly target: string; readonly outcome: "shipped"; readonly tookMs: number }
  | { readonly target: string; readonly outcome: "failed"; readonly problem: string };

/** What came of one run; becomes text, JSON, and the exit code. Holds no secrets. */
export interface RunReport {
  readonly command: string;
  /** "degraded": done, but a person must look. */
  readonly outcome: "succeeded" | "degraded" | "failed";
  readonly exitCode: number;
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly steps: readonly Step[];
  /** Sentences a person must read. */
  readonly warnings: readonly string[];
  /** Sentences that may be read, about what was chosen and why. */
  readonly notes: readonly string[];
  readonly failure?: { readonly message: string; readonly hint?: string };
  /** Containers that are not in the state they had. */
  readonly leftDown: readonly string[];
  readonly targets: readonly TargetReport[];
  readonly backupId?: string;
  /** It was only to find out what would be done. */
  readonly dryRun?: boolean;
}

/** What a run did, before it is known what that means. */
export interface Ended {
  readonly command: string;
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly steps: readonly Step[];
  readonly warnings: readonly string[];
  readonly notes?: readonly string[];
  readonly leftDown: readonly string[];
  /** Undefined when the run reached its end. */
  readonly failure: unknown;
  readonly targets?: readonly TargetReport[];
  readonly backupId?: string;
  readonly dryRun?: boolean;
}

/**
 * Gives outcome and exit code. A container that was left down is 14 whatever else happened, because someone must act
 * at once; then comes what the run failed with; then 3 if there is a warning.
 */
export function settle({ failure, ...ended }: Ended): RunReport {
  const isWorrying = ended.warnings.length > 0 || ended.leftDown.length > 0;
  const outcome = failure !== undefined ? "failed" : isWorrying ? "degraded" : "succeeded";
  const base = { failed: exitCodeOf(failure), degraded: exitCodes.degraded, succeeded: 0 }[outcome];
  return {
    ...ended,
    outcome,
    exitCode: ended.leftDown.length > 0 ? exitCodes["left-down"] : base,
    warnings: ended.warnings.map(redact),
    notes: (ended.notes ?? []).map(redact),
    targets: ended.targets ?? [],
    ...(failure === undefined ? {} : { failure: describeFailure(failure) }),
  };
}

function describeFailure(failure: unknown): NonNullable<RunReport["failure"]> {
  const hint = hintOf(failure);
  return { message: redact(describeError(failure)), ...(hint === undefined ? {} : { hint: redact(hint) }) };
}
