import { setTimeout as delay } from "node:timers/promises";

/** All time in the program, waiting included, so that tests can be their own clock. */
export interface Clock {
  /** Wall time: names, reports, retention. */
  now(): Date;
  /** Monotonic milliseconds from an arbitrary start: durations and deadlines. */
  elapsedMs(): number;
  /** Resolves after `ms`. Rejects with the signal's reason if that is aborted first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `work` every `ms` until disposed of. */
  every(ms: number, work: () => void): Disposable;
}

export const systemClock: Clock = {
  now: () => new Date(),
  elapsedMs: () => performance.now(),
  async sleep(ms, signal) {
    try {
      await delay(ms, undefined, signal ? { signal } : undefined);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw error;
    }
  },
  every(ms, work) {
    const timer = setInterval(work, ms);
    return { [Symbol.dispose]: () => clearInterval(timer) };
  },
};

/** A signal that aborts with `reason` after `timeoutMs`, or as soon as `signal` does. */
export function withDeadline(timeoutMs: number, reason: () => Error, signal?: AbortSignal): AbortSignal & Disposable {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(reason()), timeoutMs);
  timer.unref();
  const follow = () => controller.abort(signal?.reason);
  if (signal?.aborted) follow();
  else signal?.addEventListener("abort", follow, { once: true });
  return Object.assign(controller.signal, {
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", follow);
    },
  });
}
