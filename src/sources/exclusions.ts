import picomatch from "picomatch";
import { decodeLossily, type ByteString } from "./names.ts";

/** True for a path (relative, without "./") that the operator does not want saved. */
export type Exclusions = (path: ByteString) => boolean;

/**
 * Globs are relative to the root, hidden files included; one without a slash matches at any depth. `!` and `#` mean
 * themselves. The regular expression is tried against the whole relative path.
 */
export function exclusions(globs: readonly string[], regexp?: RegExp): Exclusions {
  const matches = matchingGlobs(globs);
  // A regular expression with the flags g or y remembers where it stopped, and would miss every other file.
  const pattern = regexp ? new RegExp(regexp.source, regexp.flags.replace(/[gy]/g, "")) : undefined;
  return (path) => matches(path) || pattern?.test(decodeLossily(path)) === true;
}

/** True for a path (relative, without "./") that one of the globs matches, by the rules above. */
export function matchingGlobs(globs: readonly string[]): (path: ByteString) => boolean {
  const anywhere: string[] = [];
  const anchored: string[] = [];
  for (const glob of globs) {
    const trimmed = glob.replace(/^\.?\/+/, "").replace(/\/+$/, "");
    if (trimmed === "") continue;
    if (trimmed.includes("/") || /^\.?\//.test(glob)) anchored.push(trimmed);
    else anywhere.push(trimmed);
  }
  const matchesName = matcher(anywhere);
  const matchesPath = matcher(anchored);
  return (path) => {
    const text = decodeLossily(path);
    return matchesName(text.slice(text.lastIndexOf("/") + 1)) || matchesPath(text);
  };
}

function matcher(globs: readonly string[]): (text: string) => boolean {
  if (globs.length === 0) return () => false;
  // The flag s: a name may hold a newline, and `**` shall match it too.
  return picomatch([...globs], { dot: true, nonegate: true, flags: "s" });
}
