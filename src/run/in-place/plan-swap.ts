import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { LifeboatError } from "../../errors.ts";
import { printable } from "../../sources/names.ts";
import { readSqliteHeader, SIDE_FILES } from "../../sources/sqlite/header.ts";
import { isSystemError } from "../../system/files.ts";
import { newRoot, placeAt, type FolderSwap, type Job, type PlaceSwap } from "./job.ts";
import { keptIn, type Kept } from "./kept.ts";
import { at, attributesOf, below, isAtOrBelow, look } from "./paths.ts";

/** Where an archive has the dumps of database servers, relative to the sources. */
export const DUMPS = ".databases";

/** Describe a process, not data: never put back, also where an older backup has them. */
const NEVER_RESTORED = /(?:\.(?:pid|sock|socket)$|^services\.db\.new$)/;

/**
 * Decides what is renamed in one place, the live data against the staged. As high up as possible: a folder is renamed
 * whole unless something in it stays. Everything must be at rest, or the plan is out of date when it is made.
 * Rejects when what stays and what is new exclude each other.
 */
export async function planSwap(job: Job, number: number): Promise<PlaceSwap> {
  const place = placeAt(job, number);
  if (place.kind === "file") return await planFile(job, number);
  const folders: FolderSwap[] = [];
  await planFolder(
    { job, number, folders, kept: keptIn(job, number), live: place.folder, staged: newRoot(job, number) },
    "",
  );
  return { place: number, folders, file: null };
}

interface Planning {
  readonly job: Job;
  readonly number: number;
  readonly folders: FolderSwap[];
  readonly kept: Kept;
  readonly live: string;
  readonly staged: string;
}

async function planFolder(planning: Planning, path: string): Promise<void> {
  const { live, staged, kept, folders } = planning;
  const only = placeAt(planning.job, planning.number).only;
  const whole = only === null || only.some((wanted) => isAtOrBelow(path, wanted));
  const [liveOnes, newOnes] = [await entriesOf(at(live, path)), await entriesOf(at(staged, path))];
  const wantedNames = whole ? undefined : namesBelow(only ?? [], path);
  const names = [...new Set([...liveOnes.keys(), ...newOnes.keys()])]
    .filter((name) => wantedNames?.has(name) ?? true)
    .sort();
  const before = await attributesOf(at(live, path));
  const after = whole ? await attributesOf(at(staged, path)) : undefined;
  if (!before) throw new LifeboatError("failed", `'${printable(path)}' vanished while it was looked at`);
  const swap = {
    path,
    whole,
    kept: [] as string[],
    moves: [] as { name: string; old: boolean; new: boolean }[],
    before,
    after: after ?? null,
  };
  // Before those of the folders in it: the order in which they are swapped.
  folders.push(swap);
  const managed = new Set<string>();
  for (const name of names) {
    const here = below(path, name);
    const [liveOne, newOne] = [liveOnes.get(name), newOnes.get(name)];
    const isPut = newOne !== undefined && !isNeverRestored(planning, here, newOne.isDirectory());
    if (await kept.has(here, liveOne?.isFile() === true)) {
      swap.kept.push(name);
    } else if (liveOne && (isOnTheWay(only, here, whole) || (await kept.isAround(here)))) {
      if (!liveOne.isDirectory() || (newOne && !newOne.isDirectory())) throw cannotMerge(here);
      await planFolder(planning, here);
    } else if ((liveOne || isPut) && !managed.has(name)) {
      swap.moves.push({ name, old: liveOne !== undefined, new: isPut });
      managed.add(name);
      if (!whole && newOne?.isFile()) await addSideFiles(here);
    }
  }

  /** The old ones beside a database would destroy the new one. They are managed also if they are made only later. */
  async function addSideFiles(here: string): Promise<void> {
    if (!(await readSqliteHeader(at(staged, here)))) return;
    const name = here.slice(path === "" ? 0 : path.length + 1);
    for (const side of SIDE_FILES.map((ending) => `${name}${ending}`)) {
      if (managed.has(side) || (await look(at(staged, below(path, side))))) continue;
      swap.moves.push({ name: side, old: (await look(at(live, below(path, side)))) !== undefined, new: false });
      managed.add(side);
    }
  }
}

function isNeverRestored({ job, number }: Planning, path: string, isFolder: boolean): boolean {
  // Dumps of database servers lie beside the sources in an archive; they are not files of theirs.
  if (path === DUMPS && placeAt(job, number).path === "") return true;
  return !isFolder && NEVER_RESTORED.test(path.slice(path.lastIndexOf("/") + 1));
}

/** Above something that is wanted by name: not itself replaced if it is there. */
function isOnTheWay(only: readonly string[] | null, path: string, whole: boolean): boolean {
  return !whole && only !== null && !only.some((wanted) => isAtOrBelow(path, wanted));
}

function namesBelow(only: readonly string[], path: string): ReadonlySet<string> {
  const start = path === "" ? 0 : path.length + 1;
  return new Set(
    only
      .filter((wanted) => wanted !== path && isAtOrBelow(wanted, path))
      .map((wanted) => wanted.slice(start).split("/")[0] ?? ""),
  );
}

async function planFile(job: Job, number: number): Promise<PlaceSwap> {
  const [live, staged] = [placeAt(job, number).folder, newRoot(job, number)];
  const areFiles = (await look(live))?.isFile() && (await look(staged))?.isFile();
  const [before, after] = [await attributesOf(live), await attributesOf(staged)];
  if (!areFiles || !before || !after) throw cannotMerge(placeAt(job, number).path);
  return { place: number, folders: [], file: { before, after } };
}

function cannotMerge(path: string): LifeboatError {
  return new LifeboatError("failed", `'${printable(path)}' is a folder on one side and none on the other`, {
    hint: "What is mounted there, or left out of backups, stays where it is and stands in the way. Nothing was replaced.",
  });
}

/** By name. Their kind comes along: to look at each of a million names takes minutes, and the stack is down. */
async function entriesOf(folder: Buffer): Promise<ReadonlyMap<string, Dirent>> {
  try {
    const entries = await readdir(folder, { withFileTypes: true, encoding: "latin1" });
    return new Map(entries.map((entry) => [entry.name, entry]));
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR")) return new Map();
    throw error;
  }
}
