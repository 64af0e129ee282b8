import { LifeboatError } from "../errors.ts";
import type { MemberList } from "../sources/source.ts";
import { ChildError, startChild } from "../system/children.ts";
import { TarComplaints, type ReadProblems } from "./tar-complaints.ts";
import { childOutput } from "./through-child.ts";

/** Lists for one run of GNU tar. Within a run, further names of a file become hard links. */
export interface TarRun {
  readonly lists: readonly MemberList[];
  readonly owner?: { readonly uid: number; readonly gid: number };
}

/** Puts lists together that one run can read: all neighbours without an owner of their own. */
export function tarRuns(lists: readonly MemberList[]): TarRun[] {
  const runs: { lists: MemberList[]; owner?: { uid: number; gid: number } }[] = [];
  for (const list of lists) {
    const last = runs.at(-1);
    if (list.owner) runs.push({ lists: [list], owner: list.owner });
    else if (last && !last.owner) last.lists.push(list);
    else runs.push({ lists: [list] });
  }
  return runs;
}

/**
 * The tar stream of one run. Its end is only reached once tar has exited with nothing worse than read problems, which
 * `onProblems` is given then. Rejects with any other complaint.
 */
export async function* tarOutput(
  run: TarRun,
  onProblems: (problems: ReadProblems) => void,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void> {
  const complaints = new TarComplaints();
  const stop = new AbortController();
  const child = startChild(
    { program: "tar", args: [...TAR_OPTIONS, ...ownerOptions(run), ...run.lists.flatMap(listOptions)] },
    {
      signal: AbortSignal.any([signal, stop.signal]),
      // 1: files changed as they were read. 2: files were missing or unreadable, or worse: its words say which.
      okExitCodes: [0, 1, 2],
      onStderrLine: (line) => complaints.add(line),
    },
  );
  child.stdin.end();
  try {
    yield* childOutput(child.stdout);
    const end = await child.done;
    if (complaints.other !== undefined || (end.exitCode !== 0 && complaints.count === 0)) {
      throw new ChildError("tar", { exitCode: end.exitCode }, complaints.other ?? end.stderr);
    }
    onProblems(complaints);
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

const TAR_OPTIONS = [
  ...["--create", "--file=-", "--format=posix", "--numeric-owner", "--sparse"],
  // ACLs have records of their own; as attributes they would be in the archive twice.
  ...["--acls", "--xattrs", "--xattrs-include=*", "--xattrs-exclude=system.posix_acl_*"],
  // The same files give the same bytes: no access times, and no process id in the names of the extended headers.
  "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
  // Each name begins with "."; hard links' targets follow, symlinks' targets are left as they are.
  "--transform=flags=rhS;s,^\\.,backup,",
  ...["--no-recursion", "--quoting-style=escape", "--null"],
];

function listOptions(list: MemberList): string[] {
  return [`--directory=${list.root}`, `--files-from=${list.listFile}`];
}

function ownerOptions({ owner }: TarRun): string[] {
  // GNU tar takes "+70" for a name, and records its owner as 0.
  return owner ? [`--owner=:${owner.uid}`, `--group=:${owner.gid}`] : [];
}
