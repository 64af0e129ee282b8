import type { Clock } from "../../system/clock.ts";
import { PostgresError } from "./failure.ts";

/** How long a server that is starting, full or away is asked again. Starting after a crash takes most of a minute. */
export const MAX_PATIENCE_MS = 60_000;

/** Repeats an attempt that fails for a passing reason, for at most `forMs`. Rejects with the last failure. */
export async function patiently<T>(
  attempt: () => Promise<T>,
  forMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<T> {
  const until = clock.elapsedMs() + Math.min(forMs, MAX_PATIENCE_MS);
  for (let pauseMs = 250; ; pauseMs = Math.min(pauseMs * 2, 5000)) {
    try {
      return await attempt();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof PostgresError && error.passing) || clock.elapsedMs() + pauseMs > until) throw error;
    }
    await clock.sleep(pauseMs, signal);
  }
}

/** For one lock: a minute is longer than any that is taken in passing; the rest of the time is for the work itself. */
export function lockWaitMs(timeoutMs: number): number {
  return Math.min(MAX_PATIENCE_MS, Math.ceil(timeoutMs / 2));
}
