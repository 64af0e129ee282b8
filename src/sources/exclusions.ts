import picomatch from "picomatch";
import { decodeLossily, type ByteString } from "./names.ts";

/** True for a path (relative, without "./") that the operator does not want saved. */
export type Exclusions = (path: ByteString) => boolean;

/**
 * Globs are relative to the root, hidden files included; one without a slash matches at any depth. `!` and `#` mean
 * themselves. The regular expression is tried against the whole relative path.
 */
export function exclusions(globs: readonly string[], regexp?: RegExp): Exclusions {
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
  // A regular expression with the flags g or y remembers where it stopped, and would miss every other file.
  const pattern = regexp ? new RegExp(regexp.source, regexp.flags.replace(/[gy]/g, "")) : undefined;
  return (path) => {
    const text = decodeLossily(path);
    const name = text.slice(text.lastIndexOf("/") + 1);
    return matchesName(name) || matchesPath(text) || pattern?.test(text) === true;
  };
}

function matcher(globs: readonly string[]): (text: string) => boolean {
  if (globs.length === 0) return () => false;
  // The flag s: a name may hold a newline, and `**` shall match it too.
  return picomatch([...globs], { dot: true, nonegate: true, flags: "s" });
}
