import { describeError, hintOf, LifeboatError } from "../errors.ts";
import type { Clock } from "../system/clock.ts";
import type { Log } from "../system/log.ts";
import { isTransient, type Target } from "./target.ts";

export interface Retries {
  /** How often a call that moves data is made at most. */
  readonly attempts: number;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * `target`, with each call made again after failures that may pass (and only those), waiting longer each time. Somebody
 * waits for the answer to `list` and `readSmall`, and other targets may have it: they are made twice. Where that was in
 * vain, every other call is made once, until one succeeds: a target that is gone delays a run by seconds, not minutes.
 * Every new attempt is in the log; its progress begins at zero again. The last failure says how many there were.
 */
export function retrying(target: Target, { attempts, clock, log }: Retries): Target {
  let outOfReach = false;
  const call = async <Result>(what: Omit<Retried, "target">, signal: AbortSignal, make: () => Promise<Result>) => {
    try {
      const result = await withRetries({ ...what, target: target.name }, clock, signal, make);
      outOfReach = false;
      return result;
    } catch (error) {
      if (isTransient(error)) outOfReach = true;
      throw error;
    }
  };
  const again = <Result>(doing: string, signal: AbortSignal, make: () => Promise<Result>) =>
    call({ doing, attempts: outOfReach ? 1 : attempts, tell: log.warn.bind(log) }, signal, make);
  const ask = <Result>(doing: string, signal: AbortSignal, make: () => Promise<Result>) =>
    call({ doing, attempts: Math.min(attempts, ASK_ATTEMPTS), tell: log.debug.bind(log) }, signal, make);
  return {
    name: target.name,
    check: (signal) => target.check(signal),
    ...(target.freeBytes && { freeBytes: target.freeBytes.bind(target) }),
    put: (key, body, signal, onProgress) =>
      again(`store '${key}'`, signal, () => target.put(key, body, signal, onProgress)),
    digest: (key, signal) => again(`read '${key}' back`, signal, () => target.digest(key, signal)),
    fetch: (key, path, signal, onProgress) =>
      again(`fetch '${key}'`, signal, () => target.fetch(key, path, signal, onProgress)),
    readSmall: (keys, signal) => ask("read receipts", signal, () => target.readSmall(keys, signal)),
    list: (signal) => ask("list", signal, () => target.list(signal)),
    remove: (keys, signal) => again("remove", signal, () => target.remove(keys, signal)),
    sweep: (mayGo, signal) => again("remove partial files", signal, () => target.sweep(mayGo, signal)),
    takeRemarks: () => target.takeRemarks?.() ?? [],
  };
}

const ASK_ATTEMPTS = 2;

/** With the doubling and the jitter, five attempts take from 15 to 30 s: longer than a restart of a server or a router. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

interface Retried {
  readonly target: string;
  readonly doing: string;
  readonly attempts: number;
  /** Tells of a failure after which the call is made again. */
  readonly tell: Log["warn"];
}

async function withRetries<Result>(
  { target, doing, attempts, tell }: Retried,
  clock: Clock,
  signal: AbortSignal,
  call: () => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      if (signal.aborted || !isTransient(error)) throw error;
      if (attempt >= attempts) throw attempts > 1 && error instanceof Error ? gaveUp(attempts, error) : error;
      const waitMs = waitBefore(attempt + 1);
      tell("target failed, trying again", { target, doing, attempt, attempts, waitMs, error: describeError(error) });
      await clock.sleep(waitMs, signal);
    }
  }
}

/** Spread at random over half of it, so that several sidecars thrown out together do not come back together. */
function waitBefore(attempt: number): number {
  const fullMs = Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS);
  return Math.round(fullMs * (0.5 + Math.random() / 2));
}

function gaveUp(attempts: number, error: Error): LifeboatError {
  const hint = hintOf(error);
  const kind = error instanceof LifeboatError ? error.kind : "failed";
  return new LifeboatError(kind, `${error.message} (tried ${attempts} times)`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}
