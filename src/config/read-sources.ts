import picomatch from "picomatch";
import { Misfit } from "./problems.ts";
import type { Findings } from "./findings.ts";
import { DEFAULT_ARCHIVE } from "./read-targets.ts";

/** Left out of every backup: they describe a process that is not there when the files are restored. */
const BUILT_IN_EXCLUDES = ["*.pid", "*.sock", "*.socket"] as const;

export function readExcludes(findings: Findings): { exclude: readonly string[]; excludeRegexp?: RegExp } {
  const globs = splitGlobs(findings.values.BACKUP_EXCLUDE ?? "");
  for (const glob of globs) {
    const problem = problemOfGlob(glob);
    if (problem) findings.complain("BACKUP_EXCLUDE", `'${glob}' ${problem.message}`, problem.right);
  }
  const regexp = readRegexp(findings);
  return { exclude: [...BUILT_IN_EXCLUDES, ...globs], ...(regexp ? { excludeRegexp: regexp } : {}) };
}

/** Complains about a folder that is not there, and about folders that would leave nothing to save. */
export function requireSources({ values, isGiven, complain }: Findings, exists: (path: string) => boolean): void {
  const { BACKUP_SOURCES: sources, BACKUP_ARCHIVE: archive = DEFAULT_ARCHIVE, BACKUP_STATE: state } = values;
  // "/." is there only for a folder.
  if (!exists(`${sources}/.`)) {
    const problem = exists(sources) ? `'${sources}' is not a folder` : `'${sources}' does not exist`;
    complain("BACKUP_SOURCES", problem, `a folder; mount the volumes to save below ${sources}, read-only`);
  }
  const others = [["BACKUP_STATE", state] as const, ["BACKUP_ARCHIVE", archive] as const];
  for (const [name, folder] of others) {
    const isUsed = name === "BACKUP_STATE" || isGiven(name) || exists(folder);
    if (isUsed && (sources === folder || sources.startsWith(folder === "/" ? "/" : `${folder}/`))) {
      complain("BACKUP_SOURCES", `lies in ${name}, which is never part of a backup`, `a folder outside '${folder}'`);
    }
  }
}

/** At commas and line breaks, but not at the commas of "*.{log,tmp}". */
function splitGlobs(text: string): readonly string[] {
  let depth = 0;
  let glob = "";
  const globs: string[] = [];
  for (const char of `${text}\n`) {
    if (char === "{") depth++;
    if (char === "}") depth--;
    if (char === "\n" || (char === "," && depth <= 0)) {
      if (glob.trim() !== "") globs.push(glob.trim());
      glob = "";
      depth = 0;
    } else glob += char;
  }
  return globs;
}

function problemOfGlob(glob: string): Misfit | undefined {
  if (glob.startsWith("/"))
    return new Misfit("begins with a slash", "the path below BACKUP_SOURCES, without a slash first");
  if (glob.startsWith("!"))
    return new Misfit("begins with '!', which leaves out all the rest", "globs of what to leave out");
  const matches = picomatch(glob, { dot: true });
  const samples = glob.includes("/") || glob.includes("**") ? ["any/file", "other.name"] : ["file", "other.name"];
  if (samples.every((path) => matches(path))) {
    return new Misfit("leaves out everything", "globs of some of the files");
  }
  return undefined;
}

function readRegexp({ values, complain }: Findings): RegExp | undefined {
  const text = values.BACKUP_EXCLUDE_REGEXP;
  if (text === undefined) return undefined;
  let regexp: RegExp;
  try {
    regexp = new RegExp(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    complain(
      "BACKUP_EXCLUDE_REGEXP",
      `is no regular expression (${why})`,
      "one in JavaScript's syntax, such as \\.(bak|old)$",
    );
    return undefined;
  }
  if (regexp.test("")) complain("BACKUP_EXCLUDE_REGEXP", "matches every path", "one that matches some of the files");
  return regexp;
}
