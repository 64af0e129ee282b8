/** Two keep the two halves of the work, reading and checking, going; more would only share the same disk. */
const AT_ONCE = 2;

/**
 * Does `work` with each of the items, in their order, two at a time. At the first failure the others are given up, and it
 * rejects with that once they have ended.
 */
export async function sideBySide<Item, Result>(
  items: readonly Item[],
  work: (item: Item, at: number, signal: AbortSignal) => Promise<Result>,
  signal: AbortSignal,
): Promise<readonly Result[]> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const results: Result[] = [];
  const waiting = items.entries();
  const oneAfterTheOther = async () => {
    for (const [at, item] of waiting) results[at] = await work(item, at, either);
  };
  const workers = Array.from({ length: AT_ONCE }, oneAfterTheOther);
  try {
    await Promise.all(workers);
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(workers);
    throw error;
  }
  return results;
}
