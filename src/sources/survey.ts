import { join } from "node:path";
import { systemClock } from "../system/clock.ts";
import { exclusions } from "./exclusions.ts";
import { ListWriter } from "./list-writer.ts";
import { Places } from "./places.ts";
import { checkedRoot, identitiesOf } from "./root.ts";
import { LifeboatError } from "../errors.ts";
import type { Findings, Survey } from "./findings.ts";
import { byFile } from "./sqlite-names.ts";
import { Counter } from "./tally.ts";
import { walk, type Walk } from "./walk.ts";

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
  const findings = noFindings();
  const listFile = join(listFolder, "in-place.list");
  const walked = { foldersFile: join(listFolder, "in-place.folders"), startedAt: systemClock.now() };
  await using list = await ListWriter.create(listFile);
  await using folders = await ListWriter.create(walked.foldersFile);
  await explore(options, { findings, lists: { list, folders } }, signal);
  await list.flush();
  await folders.flush();
  return { ...findings, databases: byFile(findings.databases), root: options.root, listFile, walked };
}

/**
 * As `survey`, with no list where none is wanted. What was found until then is in `findings` also when it rejects.
 */
export async function explore(
  options: SurveyOptions,
  { findings, lists = NOWHERE }: { readonly findings: Findings; readonly lists?: Lists },
  signal: AbortSignal,
): Promise<void> {
  const root = await checkedRoot(options.root);
  const never = await identitiesOf(options.never);
  const isExcluded = exclusions(options.exclude, options.excludeRegexp);
  await walk({ root, isExcluded, never, findDatabases: options.sqlite === "auto", ...lists, findings, signal });
  if (!options.mayBeEmpty) refuseEmpty(options.root, findings);
}

/** What a walk writes down. */
type Lists = Pick<Walk, "list" | "folders">;

const NOWHERE: Lists = { list: { add: async () => {} }, folders: { addIdentified: async () => {} } };

export function noFindings(): Findings {
  return {
    totals: { files: 0, folders: 0, symlinks: 0, sizeBytes: 0, allocatedBytes: 0 },
    places: new Places(),
    databases: [],
    stores: [],
    special: new Counter(),
    unreadable: new Counter(),
    excluded: 0,
    ownFolders: new Counter(),
    leadingOut: new Counter(),
    vanished: new Counter(),
  };
}

/** Throws if nothing was found that could be saved. */
export function refuseEmpty(root: string, findings: Findings): void {
  if (findings.totals.files + findings.databases.length > 0) return;
  const why = whyEmpty(findings);
  throw new LifeboatError("failed", `there is nothing to save below '${root}'${why ? `: ${why}` : ""}`, {
    hint: "Mount the volumes that are to be saved below it, read-only: '- data:/backup/data:ro'. Check their names: Docker makes an empty volume for a name it does not know.",
  });
}

function whyEmpty({ totals, unreadable, leadingOut, excluded }: Findings): string | undefined {
  if (unreadable.count > 0) return `${unreadable.names[0]} cannot be read`;
  if (leadingOut.count > 0) return `'${leadingOut.names[0]}' is a symlink that leads out of it`;
  if (totals.symlinks > 0) return "there are only symlinks";
  return excluded > 0 ? "all of it is excluded" : undefined;
}
