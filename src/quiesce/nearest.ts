import { closestMatch } from "leven";

/** The one of `candidates` that `word` is most likely a misspelling of, if any is near enough. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  return closestMatch(word.toLowerCase(), candidates, { maxDistance: Math.max(2, word.length / 4) });
}
