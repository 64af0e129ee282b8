import { LifeboatError } from "../errors.ts";
import type { MemberList } from "../sources/source.ts";
import { ChildError, startChild } from "../system/children.ts";
import type { ComplaintsFile } from "./complaints-file.ts";
import { childOutput } from "./through-child.ts";

/** Lists for one run of GNU tar. Within a run, further names of a file become hard links. */
export interface TarRun {
  readonly lists: readonly MemberList[];
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Only these, relative to the root of the first list ("./…"). */
  readonly paths?: readonly Buffer[];
  /** Holes are written out as zeros. */
  readonly plain?: true;
}

/** Paths as lists have them ("./…"), to be read once more: as before, and with their holes as zeros. */
export interface Again {
  readonly same: Buffer[];
  readonly plain: Buffer[];
}

/** The runs that read some of a run's files again. */
export function runsAgain(run: TarRun, { same, plain }: Again): TarRun[] {
  return [
    ...(same.length > 0 ? [{ ...run, paths: same }] : []),
    ...(plain.length > 0 ? [{ ...run, paths: plain, plain: true as const }] : []),
  ];
}

/** Puts lists together that one run can read: all neighbours without an owner of their own. */
export function tarRuns(lists: readonly MemberList[]): TarRun[] {
  const runs: { lists: MemberList[]; owner?: { uid: number; gid: number } }[] = [];
  for (const list of lists) {
    const last = runs.at(-1);
    if (list.owner) runs.push({ lists: [list], owner: list.owner });
    else if (list.walked || !last || last.owner || last.lists[0]?.walked) runs.push({ lists: [list] });
    else last.lists.push(list);
  }
  return runs;
}

/**
 * The tar stream of one run. Its end is only reached once tar has exited with nothing worse than read problems, which
 * are in `said` then. Rejects with any other complaint.
 */
export async function* tarOutput(run: TarRun, said: ComplaintsFile, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  const stop = new AbortController();
  const child = startChild(
    { program: "tar", args: [...tarOptions(run), ...ownerOptions(run), ...listsOf(run).flatMap(listOptions)] },
    {
      signal: AbortSignal.any([signal, stop.signal]),
      // 1: files changed as they were read. 2: files were missing or unreadable, or worse: its words say which.
      okExitCodes: [0, 1, 2],
      stderrFd: said.fd,
    },
  );
  child.stdin.on("error", () => {
    // It ended without reading its list; its exit code says why.
  });
  child.stdin.end(run.paths ? Buffer.concat(run.paths.flatMap((path) => [path, NUL])) : undefined);
  try {
    yield* childOutput(child.stdout);
    const end = await child.done;
    const complaints = said.upToDate();
    if (complaints.other !== undefined || (end.exitCode !== 0 && complaints.count === 0)) {
      throw new ChildError("tar", { exitCode: end.exitCode }, complaints.other ?? "");
    }
  } catch (error) {
    if (error instanceof ChildError) throw new LifeboatError("failed", "cannot read the files", { cause: error });
    throw error;
  } finally {
    stop.abort(new Error("the reader stopped early"));
    await child.done.catch(() => {
      // Told above, or the reader has its own reason for stopping early.
    });
  }
}

function tarOptions({ plain }: TarRun): string[] {
  return [...TAR_OPTIONS, ...(plain ? [] : ["--sparse"])];
}

const TAR_OPTIONS = [
  ...["--create", "--file=-", "--format=posix", "--numeric-owner"],
  // ACLs have records of their own; as attributes they would be in the archive twice.
  ...["--acls", "--xattrs", "--xattrs-include=*", "--xattrs-exclude=system.posix_acl_*"],
  // The same files give the same bytes: no access times, and no process id in the names of the extended headers.
  "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
  // Each name begins with "."; hard links' targets follow, symlinks' targets are left as they are.
  "--transform=flags=rhS;s,^\\.,backup,",
  ...["--no-recursion", "--quoting-style=escape", "--null"],
];

function listsOf({ lists, paths }: TarRun): readonly ListToRead[] {
  return paths ? lists.slice(0, 1).map(({ root }) => ({ root, listFile: STDIN })) : lists;
}

type ListToRead = Pick<MemberList, "root" | "listFile">;
const STDIN = "-";
const NUL = Buffer.from("\0");

function listOptions({ root, listFile }: ListToRead): string[] {
  return [`--directory=${root}`, `--files-from=${listFile}`];
}

function ownerOptions({ owner }: TarRun): string[] {
  // GNU tar takes "+70" for a name, and records its owner as 0.
  return owner ? [`--owner=:${owner.uid}`, `--group=:${owner.gid}`] : [];
}
