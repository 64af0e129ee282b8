import { join } from "node:path";
import { systemClock } from "../system/clock.ts";
import { exclusions } from "./exclusions.ts";
import { ListWriter } from "./list-writer.ts";
import { checkedRoot, identitiesOf } from "./root.ts";
import { LifeboatError } from "../errors.ts";
import type { Findings, Survey } from "./findings.ts";
import { Counter } from "./tally.ts";
import { walk } from "./walk.ts";

export interface SurveyOptions {
  /** BACKUP_SOURCES: what is below it is saved. */
  readonly root: string;
  /** Globs relative to `root`, the built-in ones included; a glob without a slash matches at any depth. */
  readonly exclude: readonly string[];
  /** Matched against the path relative to `root`. */
  readonly excludeRegexp?: RegExp;
  /** "off": databases are files like any other. */
  readonly sqlite: "auto" | "off";
  /**
   * Absolute folders that are left out wherever below `root` they appear, also as another mount of the same folder:
   * our own state, spool and local archive.
   */
  readonly never: readonly string[];
  /** Other sources have something to save. */
  readonly mayBeEmpty?: true;
}

/**
 * Walks everything below the root (volumes mounted there included) and writes the list of what to read in place into
 * `listFolder`, folder by folder in the order of the names' bytes. Memory grows with the largest folder, not with the
 * number of files. Symlinks are never followed.
 * Rejects if the root is missing, is no folder, is a whole system, or holds nothing to save.
 */
export async function survey(options: SurveyOptions, listFolder: string, signal: AbortSignal): Promise<Survey> {
  const root = await checkedRoot(options.root);
  const never = await identitiesOf(options.never);
  const listFile = join(listFolder, "in-place.list");
  const walked = { foldersFile: join(listFolder, "in-place.folders"), startedAt: systemClock.now() };
  const findings: Findings = {
    totals: { files: 0, folders: 0, symlinks: 0, sizeBytes: 0, allocatedBytes: 0 },
    databases: [],
    special: new Counter(),
    unreadable: new Counter(),
    excluded: 0,
    ownFolders: new Counter(),
    vanished: new Counter(),
  };
  await using list = await ListWriter.create(listFile);
  await using folders = await ListWriter.create(walked.foldersFile);
  const isExcluded = exclusions(options.exclude, options.excludeRegexp);
  await walk({ root, isExcluded, never, findDatabases: options.sqlite === "auto", list, folders, findings, signal });
  await list.flush();
  await folders.flush();
  if (!options.mayBeEmpty) refuseEmpty(options.root, findings);
  return { ...findings, root: options.root, listFile, walked };
}

function refuseEmpty(root: string, findings: Findings): void {
  const { totals, databases, unreadable, excluded } = findings;
  if (totals.files + totals.symlinks + databases.length > 0) return;
  const why =
    unreadable.count > 0 ? `${unreadable.names[0]} cannot be read` : excluded > 0 ? "all of it is excluded" : "";
  throw new LifeboatError("failed", `there is nothing to save below '${root}'${why ? `: ${why}` : ""}`, {
    hint: "Mount the volumes that are to be saved below it, read-only: '- data:/backup/data:ro'. Check their names: Docker makes an empty volume for a name it does not know.",
  });
}
