import { readdir } from "node:fs/promises";
import { exclusions } from "../../sources/exclusions.ts";
import { SIDE_FILES } from "../../sources/sqlite/header.ts";
import { placeAt, type Job } from "./job.ts";
import { at, below, identityOf, look } from "./paths.ts";

/** Which live paths of a place stay as they are, because no backup has them. Paths are relative to the place. */
export interface Kept {
  /** This path stays, with all that is in it. `isFile`: it is known to be a regular file. */
  has(path: string, isFile?: boolean): Promise<boolean>;
  /** It is a folder, and something in it stays. */
  isAround(path: string): Promise<boolean>;
}

/** Left by a process that is gone; a service that finds them does not start, or takes half-written data for whole. */
const REMAINS = /\.(?:pid|sock|socket|new|tmp)$/;
const WORK_FOLDER = /^\.lifeboat-[0-9a-f]{8}$/;

export function keptIn(job: Job, number: number): Kept {
  const place = placeAt(job, number);
  const regexp = job.excludeRegexp && new RegExp(job.excludeRegexp.source, job.excludeRegexp.flags);
  const isExcluded = exclusions(job.exclude, regexp ?? undefined);
  const nested = new Set(place.nested);
  const never = new Set(job.never);
  const prefix = Buffer.from(place.path).toString("latin1");
  const folders = new Map<string, boolean>();

  const has = async (path: string, isFile = false): Promise<boolean> => {
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (nested.has(path) || WORK_FOLDER.test(name)) return true;
    const ending = SIDE_FILES.find((side) => name.endsWith(side));
    const main = ending === undefined ? undefined : path.slice(0, -ending.length);
    // What lies beside a database belongs to it: it stays or goes with the database.
    if (main !== undefined && (await look(at(place.folder, main)))?.isFile()) return await has(main);
    const isLeftOut = isExcluded(below(prefix, path));
    // Most paths: no need to look at each of a million files while the stack is down.
    if (isFile && !isLeftOut) return false;
    const stats = await look(at(place.folder, path));
    if (!stats) return false;
    if (never.has(identityOf(stats))) return true;
    const isRemains = !stats.isDirectory() && (REMAINS.test(name) || !(stats.isFile() || stats.isSymbolicLink()));
    return !isRemains && isLeftOut;
  };
  const isAround = async (path: string): Promise<boolean> => {
    const known = folders.get(path);
    if (known !== undefined) return known;
    const found = await searchIn(path);
    folders.set(path, found);
    return found;
  };
  const searchIn = async (path: string): Promise<boolean> => {
    if ([...nested].some((point) => point.startsWith(`${path}/`))) return true;
    for (const entry of await readdir(at(place.folder, path), { withFileTypes: true, encoding: "latin1" })) {
      const inside = below(path, entry.name);
      if ((await has(inside, !entry.isDirectory())) || (entry.isDirectory() && (await isAround(inside)))) return true;
    }
    return false;
  };
  return {
    has,
    isAround: async (path) => (await look(at(place.folder, path)))?.isDirectory() === true && (await isAround(path)),
  };
}
