import { pipeline } from "node:stream/promises";
import { startChild } from "../system/children.ts";
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
  await bothEndedWell(feeding, child.done);
  return { count, first };
}

const EXTRACT_OPTIONS = [
  ...["--extract", "--file=-", "--preserve-permissions", "--numeric-owner"],
  ...["--acls", "--xattrs", "--xattrs-include=*", "--delay-directory-restore", "--quoting-style=escape"],
  // Times before 1970 or in the future are restored all the same.
  "--warning=no-timestamp",
];
