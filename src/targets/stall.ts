import { LifeboatError } from "../errors.ts";
import type { Clock } from "../system/clock.ts";
import { TransientError } from "./target.ts";

/** Ends what moves nothing for too long: `signal` aborts then, or as soon as the signal it follows does. */
export interface StallWatch extends Disposable {
  readonly signal: AbortSignal;
  /** Something moved. */
  alive(): void;
}

/** Starts watching. Whoever starts it disposes of it when the work has ended. */
export function watchForStall(clock: Clock, stallTimeoutMs: number, what: string, signal: AbortSignal): StallWatch {
  const stalled = new AbortController();
  const stopped = new AbortController();
  let movedAtMs = clock.elapsedMs();

  async function watch(): Promise<void> {
    for (;;) {
      const leftMs = movedAtMs + stallTimeoutMs - clock.elapsedMs();
      if (leftMs <= 0) break;
      await clock.sleep(leftMs, stopped.signal);
    }
    stalled.abort(
      new LifeboatError("failed", `${what} moved nothing for ${stallTimeoutMs / 1000} s and was ended`, {
        hint: "Look at the network and the far side; the transfer can be made again.",
        cause: new TransientError("stalled"),
      }),
    );
  }
  watch().catch(() => {
    // Stopped, because the work has ended; its own outcome tells how.
  });
  return {
    signal: AbortSignal.any([signal, stalled.signal]),
    alive: () => (movedAtMs = clock.elapsedMs()),
    [Symbol.dispose]: () => stopped.abort(),
  };
}
