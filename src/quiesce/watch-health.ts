import { withDeadline, type Clock } from "../system/clock.ts";
import { whileEngineGone } from "../system/docker.ts";
import type { Container } from "./container.ts";
import type { Engine } from "./engine.ts";
import { findAgain } from "./find-again.ts";
import type { QuiesceLimits } from "./limits.ts";
import type { Watched } from "./quiescer.ts";

interface WatchTools {
  readonly engine: Engine;
  readonly limits: QuiesceLimits;
  readonly clock: Clock;
}

const POLL_MS = 250;
const PROBE_MS = 5_000;

/**
 * Watches one container until it is well, at most `healthMs`, or longer if its own healthcheck takes longer to know:
 * healthy if it has a healthcheck, answering if a label names an address; with neither, running for `steadyMs` without
 * having been started again.
 * Resolves with what is wrong with it, or undefined when it is well. Rejects only when the signal aborts.
 */
export async function watchHealth(
  watched: Watched,
  { engine, limits, clock }: WatchTools,
  signal: AbortSignal,
): Promise<string | undefined> {
  const began = clock.elapsedMs();
  let first: Container | undefined;
  for (;;) {
    const now = await whileEngineGone(() => findAgain(engine, watched), limits.engineMs, clock, signal);
    first ??= now;
    const red = redOf(watched.name, first, now);
    if (red !== undefined) return red;
    const isSteady = clock.elapsedMs() - began >= limits.steadyMs;
    const isWell = now?.health === "healthy" || (now?.health === "none" && (isSteady || watched.healthUrl !== null));
    const answer = watched.healthUrl === null ? "well" : await probe(watched.healthUrl, signal);
    if (isWell && answer === "well") return undefined;
    const patienceMs = Math.max(limits.healthMs, now?.probing?.verdictMs ?? 0);
    if (clock.elapsedMs() - began > patienceMs) {
      const what = answer === "well" ? `is ${now?.health}` : `does not answer well at ${watched.healthUrl} (${answer})`;
      return `container '${watched.name}' ${what} after ${Math.round(patienceMs / 1000)} s`;
    }
    await clock.sleep(POLL_MS, signal);
  }
}

/** What no waiting can mend. */
function redOf(name: string, first: Container | undefined, now: Container | undefined): string | undefined {
  if (!now) return `container '${name}' is gone`;
  if (now.state === "stopped") return `container '${name}' ended with exit code ${now.exitCode}`;
  if (now.state === "restarting" || now.startedAt !== first?.startedAt) {
    return `container '${name}' was started again and again (exit code ${now.exitCode})`;
  }
  if (now.health === "unhealthy") return `container '${name}' is unhealthy`;
  return undefined;
}

async function probe(url: string, signal: AbortSignal): Promise<string> {
  using limited = withDeadline(PROBE_MS, () => new Error("no answer"), signal);
  try {
    const response = await fetch(url, { signal: limited, redirect: "manual" });
    await response.body?.cancel();
    return response.status < 400 ? "well" : `status ${response.status}`;
  } catch (error) {
    signal.throwIfAborted();
    const { cause } = error as { cause?: { code?: string } };
    return cause?.code ?? "no answer"; // Not up yet, or never: the deadline decides.
  }
}
