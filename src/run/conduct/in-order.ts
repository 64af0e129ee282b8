/**
 * Does `work` with each of the items, up to `atOnce` of them at a time, and gives the results in the order of the items.
 * A failure is thrown in its turn. Once nobody reads on, the rest is given up; it ends when what was under way has ended.
 */
export async function* inOrder<Item, Result>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item, at: number, signal: AbortSignal) => Promise<Result>,
  signal: AbortSignal,
): AsyncGenerator<Result, void> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const underWay: Promise<Result>[] = [];
  let next = 0;
  try {
    for (;;) {
      while (underWay.length < atOnce && next < items.length) {
        const begun = work(items[next]!, next, either);
        begun.catch(() => {
          // Thrown when its turn comes; without one, nobody wants to know.
        });
        underWay.push(begun);
        next += 1;
      }
      const first = underWay.shift();
      if (!first) return;
      yield await first;
    }
  } finally {
    over.abort(new Error("the rest is not wanted"));
    await Promise.allSettled(underWay);
  }
}
