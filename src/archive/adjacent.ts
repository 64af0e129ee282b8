/**
 * Puts buffers together; those that are neighbours in memory already, as the views of one chunk are, without copying.
 */
export function joined(buffers: readonly Buffer[]): Buffer {
  const merged = mergeAdjacent(buffers);
  return merged.length === 1 ? (merged[0] as Buffer) : Buffer.concat(merged);
}

/** The same bytes in as few buffers as can be had without copying. */
export function mergeAdjacent(buffers: readonly Buffer[]): Buffer[] {
  const merged: Buffer[] = [];
  for (const next of buffers) {
    const last = merged.at(-1);
    if (next.length === 0) continue;
    if (last && last.buffer === next.buffer && last.byteOffset + last.length === next.byteOffset) {
      merged[merged.length - 1] = Buffer.from(last.buffer, last.byteOffset, last.length + next.length);
    } else {
      merged.push(next);
    }
  }
  return merged;
}
