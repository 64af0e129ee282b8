import { describeError, hintOf, LifeboatError } from "../errors.ts";
import type { Clock } from "../system/clock.ts";
import type { Log } from "../system/log.ts";
import { isTransient, type Target } from "./target.ts";

export interface Retries {
  /** How often a call is made at most. */
  readonly attempts: number;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * `target`, with each call made again after failures that may pass (and only those), waiting longer each time.
 * Every new attempt is in the log; its progress begins at zero again. The last failure says how many there were.
 */
export function retrying(target: Target, retries: Retries): Target {
  const again = <Result>(doing: string, signal: AbortSignal, call: () => Promise<Result>) =>
    withRetries(target.name, doing, retries, signal, call);
  return {
    name: target.name,
    check: (signal) => target.check(signal),
    put: (key, body, signal, onProgress) =>
      again(`store '${key}'`, signal, () => target.put(key, body, signal, onProgress)),
    digest: (key, signal) => again(`read '${key}' back`, signal, () => target.digest(key, signal)),
    fetch: (key, path, signal, onProgress) =>
      again(`fetch '${key}'`, signal, () => target.fetch(key, path, signal, onProgress)),
    readSmall: (keys, signal) => again("read receipts", signal, () => target.readSmall(keys, signal)),
    list: (signal) => again("list", signal, () => target.list(signal)),
    remove: (keys, signal) => again("remove", signal, () => target.remove(keys, signal)),
    sweep: (mayGo, signal) => again("remove partial files", signal, () => target.sweep(mayGo, signal)),
    takeRemarks: () => target.takeRemarks?.() ?? [],
  };
}

/** With the doubling and the jitter, five attempts take from 15 to 30 s: longer than a restart of a server or a router. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

async function withRetries<Result>(
  targetName: string,
  doing: string,
  { attempts, clock, log }: Retries,
  signal: AbortSignal,
  call: () => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (signal.aborted || !isTransient(error)) throw error;
      if (attempt >= attempts) throw attempts > 1 ? gaveUp(targetName, doing, attempts, error) : error;
      const waitMs = waitBefore(attempt + 1);
      const fields = { target: targetName, doing, attempt, attempts, waitMs, error: describeError(error) };
      log.warn("target failed, trying again", fields);
      await clock.sleep(waitMs, signal);
    }
  }
}

/** Spread at random over half of it, so that several sidecars thrown out together do not come back together. */
function waitBefore(attempt: number): number {
  const fullMs = Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS);
  return Math.round(fullMs * (0.5 + Math.random() / 2));
}

function gaveUp(targetName: string, doing: string, attempts: number, error: unknown): LifeboatError {
  const hint = hintOf(error);
  return new LifeboatError("failed", `cannot ${doing} on '${targetName}', tried ${attempts} times`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}
