import { describeError, hintOf, LifeboatError } from "../../errors.ts";
import { withDeadline, type Clock } from "../../system/clock.ts";
import { redact } from "../../system/secret.ts";
import type { Target } from "../../targets/target.ts";
import type { Tools } from "../conduct/tools.ts";

/** A target as it was when it was last looked at. */
export interface TargetSeen {
  readonly name: string;
  /** Why no backup could be put there; absent if one could. */
  readonly problem?: string;
  /** Sentences about what someone should look at; absent if there are none. */
  readonly remarks?: string[];
}

/** One that answers takes a second or two; a file server that is being woken up, some more. */
const CHECK_MS = 30_000;
const AGAIN_MS = 5 * 60_000;
/** What a program that was told to end gets to do so; a network mount that hangs never lets go of a call. */
const END_MS = 5_000;

/**
 * Looks at every target now, and every five minutes again at those that a backup could not be put to, so that a mistake
 * in the settings is known before the first run. `tell` gets all targets after each look. Resolves once all can be used,
 * or when `signal` is aborted; never rejects for what is wrong with a target.
 */
export async function watchTargets(
  { targets, clock, log }: Pick<Tools, "targets" | "clock" | "log">,
  tell: (seen: readonly TargetSeen[]) => void,
  signal: AbortSignal,
): Promise<void> {
  const known = new Map<string, TargetSeen>(targets.map(({ name }) => [name, { name }]));
  let suspects = targets;
  while (!signal.aborted && suspects.length > 0) {
    const failures = await Promise.all(suspects.map((target) => failureOf(target, clock, signal)));
    if (signal.aborted) return;
    for (const [at, target] of suspects.entries()) {
      const { name } = target;
      const failure = failures[at];
      const before = known.get(name)?.problem;
      const problem = failure === undefined ? undefined : redact(describeError(failure));
      if (problem !== undefined && problem !== before) {
        log.warn("no backup can be put to a target", { target: name, error: problem, hint: hintOf(failure) });
      } else if (problem === undefined && before !== undefined) {
        log.info("target can be used again", { target: name });
      }
      const remarks = [...(target.takeRemarks?.() ?? [])];
      const seen = {
        name,
        ...(problem === undefined ? {} : { problem }),
        ...(remarks.length === 0 ? {} : { remarks }),
      };
      known.set(name, seen);
    }
    tell([...known.values()]);
    suspects = suspects.filter(({ name }) => known.get(name)?.problem !== undefined);
    if (suspects.length > 0) await clock.sleep(AGAIN_MS, signal).catch(() => undefined); // Aborted: the loop ends.
  }
}

/** Undefined if the target can be used. */
async function failureOf(target: Target, clock: Clock, signal: AbortSignal): Promise<Error | undefined> {
  const tooLate = () => new LifeboatError("failed", `'${target.name}' does not answer within ${CHECK_MS / 1000} s`);
  using limited = withDeadline(CHECK_MS, tooLate, signal);
  const { promise: late, reject } = Promise.withResolvers<never>();
  limited.addEventListener("abort", () => void clock.sleep(END_MS).then(() => reject(limited.reason)), { once: true });
  try {
    await Promise.race([target.check(limited), late]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
