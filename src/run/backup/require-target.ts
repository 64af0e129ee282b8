import { describeError, LifeboatError } from "../../errors.ts";
import type { Target } from "../../targets/target.ts";
import { RESERVE_BYTES } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";

/**
 * Rejects if it is known already that no target can take an archive of about `sealedBytes`: nothing need be held or
 * copied for that. What one of several targets cannot take is told when the backup is shipped.
 */
export async function requireTarget(sealedBytes: number, { targets }: Tools, signal: AbortSignal): Promise<void> {
  const problems = await Promise.all(targets.map((target) => problemOf(target, sealedBytes, signal)));
  const [first] = problems;
  if (first !== undefined && problems.every((problem) => problem !== undefined)) throw first;
}

/** Undefined if it can take it, or if only the attempt can tell. */
async function problemOf(target: Target, neededBytes: number, signal: AbortSignal): Promise<LifeboatError | undefined> {
  if (!target.freeBytes) return undefined;
  try {
    const free = await target.freeBytes(signal);
    if (free >= neededBytes + RESERVE_BYTES) return undefined;
    const mib = (bytes: number) => `${Math.ceil(bytes / 1024 / 1024)} MiB`;
    return new LifeboatError(
      "failed",
      `not enough space in '${target.name}' for the backup: about ${mib(neededBytes)} needed, ${mib(free)} free`,
      { hint: "Nothing was held or copied. Free some space there, keep fewer backups, or mount a larger volume." },
    );
  } catch (error) {
    signal.throwIfAborted();
    return error instanceof LifeboatError ? error : new LifeboatError("failed", describeError(error), { cause: error });
  }
}
