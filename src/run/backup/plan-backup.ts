import { describeError, exitCodeOf, exitCodes, hintOf, LifeboatError } from "../../errors.ts";
import { redact } from "../../system/secret.ts";
import { withDeadline } from "../../system/clock.ts";
import type { Tools } from "../conduct/tools.ts";
import { lookAhead, type Ahead } from "./look-ahead.ts";
import { requireRoom } from "./room.ts";

/** A backup that was not made: what it would do, and what would come of it. Holds no secrets. */
export interface BackupPlan {
  readonly ahead: Omit<Ahead, "failures" | "warnings">;
  readonly warnings: readonly string[];
  /** Any of these and there would be no backup. */
  readonly failures: readonly { readonly message: string; readonly hint?: string }[];
  /** That of the failure, 3 if the backup would be degraded, else 0. */
  readonly exitCode: number;
}

/** What a backup would do now. Holds, copies and writes nothing. Rejects only when the signal aborts. */
export async function planBackup(tools: Tools, signal: AbortSignal): Promise<BackupPlan> {
  const [{ failures: found, warnings: worries, ...ahead }, unusable] = await Promise.all([
    lookAhead(tools, signal),
    checkTargets(tools, signal),
  ]);
  const failures = [...found];
  const { totals, databaseBytes } = ahead;
  await requireRoom(totals, databaseBytes, tools, signal).catch((error: unknown) => failures.push(error));
  if (unusable.length === tools.targets.length) failures.push(noTarget(unusable[0]));
  const warnings = [...worries, ...unusable.map(describeError)];
  const worst = failures[0];
  return {
    ahead,
    warnings: warnings.map(redact),
    failures: failures.map((failure) => {
      const hint = hintOf(failure);
      return { message: redact(describeError(failure)), ...(hint === undefined ? {} : { hint: redact(hint) }) };
    }),
    exitCode: worst !== undefined ? exitCodeOf(worst) : warnings.length > 0 ? exitCodes.degraded : 0,
  };
}

const CHECK_MS = 30_000;

/** Why targets cannot be used, for those that cannot. */
async function checkTargets({ targets }: Tools, signal: AbortSignal): Promise<readonly Error[]> {
  const checks = await Promise.allSettled(
    targets.map(async (target) => {
      const tooLate = () => new LifeboatError("failed", `it does not answer within ${CHECK_MS / 1000} s`);
      using limited = withDeadline(CHECK_MS, tooLate, signal);
      await target.check(limited);
    }),
  );
  signal.throwIfAborted();
  return checks.flatMap((check, at) => {
    if (check.status === "fulfilled") return [];
    const name = targets[at]?.name ?? "";
    return [new LifeboatError("failed", `target '${name}' cannot be used`, { cause: check.reason })];
  });
}

function noTarget(cause: Error | undefined): LifeboatError {
  return new LifeboatError("failed", "none of the targets can be used", { cause });
}
