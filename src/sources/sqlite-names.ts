import type { FoundDatabase } from "./findings.ts";

/**
 * The same databases with each file once: further names of a file (hard links) become `otherNames` of the first. Names
 * that differ because a volume is mounted twice stay apart, as files of that kind do: they are no links.
 */
export function byFile(found: readonly FoundDatabase[]): readonly FoundDatabase[] {
  const files = new Map<string, FoundDatabase[]>();
  for (const one of found) {
    const key = one.links > 1 ? `file ${one.dev}:${one.ino}` : `name ${one.path.toString("latin1")}`;
    const names = files.get(key);
    if (names) names.push(one);
    else files.set(key, [one]);
  }
  return [...files.values()].flatMap(([first, ...others]) => {
    if (!first) return [];
    if (others.length === 0) return [first];
    const sizeBytes = Math.max(first.sizeBytes, ...others.map((one) => one.sizeBytes));
    return [{ ...first, sizeBytes, otherNames: others.map(({ path }) => path) }];
  });
}
