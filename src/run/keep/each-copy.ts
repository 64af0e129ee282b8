import { describeError, hintOf, LifeboatError } from "../../errors.ts";
import type { Copy } from "../catalogue/copies.ts";
import type { Conduct } from "../conduct/conduct.ts";

/**
 * Does something to each copy of a backup, target by target. One that fails is warned of; rejects if all do. `done` says
 * in a word what was to be done.
 */
export async function onEachCopy(
  done: string,
  copies: readonly Copy[],
  run: Conduct,
  signal: AbortSignal,
  work: (copy: Copy) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  for (const copy of copies) {
    try {
      await work(copy);
    } catch (error) {
      signal.throwIfAborted();
      failures.push(error);
      const { name } = copy.holding.target;
      if (copies.length > 1) run.warn(`'${copy.backup.stem}' was not ${done} on '${name}': ${describeError(error)}`);
    }
  }
  if (failures.length < copies.length) return;
  const [first] = failures;
  const hint = hintOf(first);
  throw new LifeboatError(first instanceof LifeboatError ? first.kind : "failed", `no copy was ${done}`, {
    cause: first,
    ...(hint === undefined ? {} : { hint }),
  });
}
