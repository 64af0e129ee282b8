import { describeError, hintOf, LifeboatError } from "../../errors.ts";
import { withDeadline, type Clock } from "../../system/clock.ts";
import { redact } from "../../system/secret.ts";
import type { Target } from "../../targets/target.ts";
import { vanishedText } from "../catalogue/vanished.ts";
import type { Mark } from "../conduct/state.ts";
import type { Tools } from "../conduct/tools.ts";

/** A target as it was when it was last looked at. */
export interface TargetSeen {
  readonly name: string;
  /** Why no backup could be put there; absent if one could. */
  readonly problem?: string;
  /** Sentences about what someone should look at; absent if there are none. */
  readonly remarks?: string[];
  /** The newest backup that it had, and has no more. */
  readonly missing?: Mark;
}

/** One that answers takes a second or two; a file server that is being woken up, some more. */
const CHECK_MS = 30_000;
const AGAIN_MS = 5 * 60_000;
/** What a program that was told to end gets to do so; a network mount that hangs never lets go of a call. */
const END_MS = 5_000;

/**
 * Looks at every target now, and every five minutes again at those that a backup could not be put to or has vanished
 * from (`missingFrom`), so that a mistake in the settings or a disk that is not mounted is known before the first run.
 * `tell` gets all targets after each look. Resolves once all is well with them, or when `signal` is aborted; never
 * rejects for what is wrong with a target.
 */
export async function watchTargets(
  { targets, clock, log }: Pick<Tools, "targets" | "clock" | "log">,
  missingFrom: (target: Target, signal: AbortSignal) => Promise<Mark | undefined>,
  tell: (seen: readonly TargetSeen[]) => void,
  signal: AbortSignal,
): Promise<void> {
  const known = new Map<string, TargetSeen>(targets.map(({ name }) => [name, { name }]));
  let suspects = targets;
  while (!signal.aborted && suspects.length > 0) {
    const looks = await Promise.all(suspects.map((target) => lookAt(target, missingFrom, clock, signal)));
    if (signal.aborted) return;
    for (const [at, target] of suspects.entries()) {
      const { name } = target;
      const { failure, missing } = looks[at]!;
      const before = known.get(name);
      const problem = failure === undefined ? undefined : redact(describeError(failure));
      if (problem !== undefined && problem !== before?.problem) {
        log.warn("no backup can be put to a target", { target: name, error: problem, hint: hintOf(failure) });
      } else if (problem === undefined && before?.problem !== undefined) {
        log.info("target can be used again", { target: name });
      }
      if (missing && missing.id !== before?.missing?.id) log.warn(vanishedText({ target: name, mark: missing }));
      else if (!missing && before?.missing) log.info("nothing is missing any more", { target: name });
      const remarks = [...(target.takeRemarks?.() ?? [])];
      known.set(name, {
        name,
        ...(problem === undefined ? {} : { problem }),
        ...(remarks.length === 0 ? {} : { remarks }),
        ...(missing ? { missing } : {}),
      });
    }
    tell([...known.values()]);
    suspects = suspects.filter(({ name }) => known.get(name)?.problem !== undefined || known.get(name)?.missing);
    if (suspects.length > 0) await clock.sleep(AGAIN_MS, signal).catch(() => undefined); // Aborted: the loop ends.
  }
}

interface Look {
  /** Why the target cannot be used. */
  readonly failure?: Error;
  readonly missing?: Mark;
}

async function lookAt(
  target: Target,
  missingFrom: (target: Target, signal: AbortSignal) => Promise<Mark | undefined>,
  clock: Clock,
  signal: AbortSignal,
): Promise<Look> {
  const tooLate = () => new LifeboatError("failed", `'${target.name}' does not answer within ${CHECK_MS / 1000} s`);
  using limited = withDeadline(CHECK_MS, tooLate, signal);
  const { promise: late, reject } = Promise.withResolvers<never>();
  limited.addEventListener("abort", () => void clock.sleep(END_MS).then(() => reject(limited.reason)), { once: true });
  try {
    await Promise.race([target.check(limited), late]);
    const missing = await Promise.race([missingFrom(target, limited), late]);
    return missing ? { missing } : {};
  } catch (error) {
    return { failure: error instanceof Error ? error : new Error(String(error)) };
  }
}
