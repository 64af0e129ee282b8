import { pipeline } from "node:stream/promises";
import { LifeboatError } from "../errors.ts";
import { ChildError, startChild } from "../system/children.ts";
import { bothEndedWell, type Bytes } from "./through-child.ts";

/** All of them counted, the first hundred kept. */
export interface ExtractionWarnings {
  readonly count: number;
  readonly first: readonly string[];
}

/**
 * Feeds a tar stream, already found safe, to GNU tar, which extracts it into `folder`. Resolves once tar has ended
 * well. Owners are restored when this process may (as root); extended attributes that may not be set here are warnings.
 */
export async function extractingTar(folder: string, tar: Bytes, signal: AbortSignal): Promise<ExtractionWarnings> {
  let count = 0;
  const first: string[] = [];
  const owner = process.getuid?.() === 0 ? "--same-owner" : "--no-same-owner";
  const child = startChild(
    { program: "tar", args: [...EXTRACT_OPTIONS, owner, `--directory=${folder}`] },
    {
      signal,
      onStderrLine: (line) => {
        count += 1;
        if (first.length < 100) first.push(line);
      },
    },
  );
  child.stdout.resume();
  const feeding = pipeline(tar, child.stdin);
  try {
    await bothEndedWell(feeding, child.done);
  } catch (error) {
    throw explained(error, folder);
  }
  return { count, first };
}

/** What most often keeps tar from extracting, in words for whoever ran the restore. */
function explained(error: unknown, folder: string): unknown {
  if (!(error instanceof ChildError)) return error;
  if (/Cannot change ownership/.test(error.stderr)) {
    return new LifeboatError("failed", "the files cannot be given to their owners", {
      cause: error,
      hint: "In a container that dropped its capabilities, add CHOWN, DAC_OVERRIDE and FOWNER for the restore (docker compose run --cap-add …), or restore as the user whose files they are.",
    });
  }
  if (/No space left on device|Disk quota exceeded/.test(error.stderr)) {
    return new LifeboatError("failed", `there is no space left in '${folder}'`, {
      cause: error,
      hint: "Nothing was restored. Free some space, or restore to another volume.",
    });
  }
  return error;
}

const EXTRACT_OPTIONS = [
  ...["--extract", "--file=-", "--preserve-permissions", "--numeric-owner"],
  ...["--acls", "--xattrs", "--xattrs-include=*", "--delay-directory-restore", "--quoting-style=escape"],
  // Times before 1970 or in the future are restored all the same.
  "--warning=no-timestamp",
];
