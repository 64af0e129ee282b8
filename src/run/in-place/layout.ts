import { LifeboatError } from "../../errors.ts";
import { DamagedFiles } from "../../archive/damaged-files.ts";
import type { IndexEntry } from "../../archive/format.ts";
import { printable } from "../../sources/names.ts";
import { PATHS_HINT } from "../catalogue/paths.ts";
import { isAtOrBelow } from "./paths.ts";
import type { Place } from "./places.ts";
import { DUMPS } from "./plan-swap.ts";

/** What of a backup goes to one place. */
export interface Share {
  readonly place: Place;
  /** Paths relative to the place; null for all of it. */
  readonly only: readonly string[] | null;
  readonly files: number;
  readonly contentBytes: number;
  /** What it takes, holes not counted; with what is extracted along and dropped, because another place has it. */
  readonly stagedBytes: number;
}

export interface Layout {
  readonly shares: readonly Share[];
  /** Places that the backup knows nothing of: they stay as they are. */
  readonly unknown: readonly Place[];
  /** Dumps of databases and of roles, which are not put in place as files. */
  readonly stored: readonly StoredFile[];
  /** Files among what was asked for that the backup has, but not whole. */
  readonly damaged: DamagedFiles;
  /** Base backups of servers are among what was asked for. */
  readonly hasBaseBackups: boolean;
}

export interface StoredFile {
  /** Relative to the sources, bytes as characters. */
  readonly path: string;
  readonly sizeBytes: number;
  /** At or below what was asked for. */
  readonly isWanted: boolean;
}

/**
 * Finds the place of every entry. `only` are paths relative to the sources, bytes as characters; undefined for all.
 * Rejects with "not-found" for a path the backup has nothing at, and when files belong where nothing is mounted.
 */
export async function layOut(
  entries: AsyncIterable<IndexEntry>,
  places: readonly Place[],
  only: readonly string[] | undefined,
): Promise<Layout> {
  const known = places.map((place) => ({ place, path: Buffer.from(place.path).toString("latin1"), ...nothing() }));
  const innerFirst = known.toSorted((a, b) => b.path.length - a.path.length);
  const missing = new Set(only);
  const meant = new Map<string, string>();
  const homeless: string[] = [];
  const stored: StoredFile[] = [];
  let hasBaseBackups = false;
  const damaged = new DamagedFiles();
  for await (const entry of entries) {
    const path = entry.path.toString("latin1").slice("backup/".length);
    for (const wanted of missing) {
      if (isAtOrBelow(path, wanted)) missing.delete(wanted);
      else if (!meant.has(wanted) && path.endsWith(`/${wanted}`)) meant.set(wanted, path);
    }
    const isWanted = !only || only.some((wanted) => isAtOrBelow(path, wanted));
    const neededBytes = entry.storedBytes ?? entry.sizeBytes;
    if (isWanted && entry.damage !== undefined) damaged.add(entry.path);
    if (isAtOrBelow(path, DUMPS)) {
      // Right below a server's folder are its dumps; deeper is its base backup, which may have any number of files.
      const isDeep = path.split("/", 4).length > 3;
      if (isDeep) hasBaseBackups ||= isWanted;
      else if (entry.type !== "folder") stored.push({ path, sizeBytes: entry.sizeBytes, isWanted });
      // Where the sources themselves are a place they are extracted along with it.
      for (const one of known) if (isWanted && one.path === "") one.stagedBytes += neededBytes;
    } else if (isWanted) {
      const around = innerFirst.filter((one) => isAtOrBelow(path, one.path));
      const [home] = around;
      if (home) home.files += entry.type === "folder" ? 0 : 1;
      if (home) home.contentBytes += entry.sizeBytes;
      if (home) home.isKnown = true;
      for (const one of around) one.stagedBytes += neededBytes;
      if (!home && entry.type !== "folder") homeless.push(path);
    }
  }
  for (const path of missing) throw notFound(path, meant.get(path));
  if (homeless.length > 0) throw nothingMounted(homeless);
  return {
    shares: known
      .filter((one) => one.isKnown)
      .map(({ place, path, files, contentBytes, stagedBytes }) => {
        return { place, only: within(path, only, innerFirst), files, contentBytes, stagedBytes };
      }),
    unknown: only ? [] : known.filter((one) => !one.isKnown).map(({ place }) => place),
    stored,
    damaged,
    hasBaseBackups,
  };
}

function nothing(): { files: number; contentBytes: number; stagedBytes: number; isKnown: boolean } {
  return { files: 0, contentBytes: 0, stagedBytes: 0, isKnown: false };
}

/** The wanted paths as seen from a place. */
function within(
  place: string,
  only: readonly string[] | undefined,
  innerFirst: readonly { readonly path: string }[],
): readonly string[] | null {
  if (!only || only.some((wanted) => isAtOrBelow(place, wanted))) return null;
  const start = place === "" ? 0 : place.length + 1;
  const home = (wanted: string) => innerFirst.find(({ path }) => isAtOrBelow(wanted, path))?.path;
  return only
    .filter((wanted) => home(wanted) === place && !isAtOrBelow(wanted, DUMPS))
    .map((wanted) => wanted.slice(start));
}

function notFound(path: string, meant: string | undefined): LifeboatError {
  const near = meant === undefined ? "" : `Did you mean '${printable(meant)}'? `;
  return new LifeboatError("not-found", `the backup has no '${printable(path)}'`, {
    hint: `${near}${PATHS_HINT}`,
  });
}

function nothingMounted(paths: readonly string[]): LifeboatError {
  const tops = [...new Set(paths.map((path) => path.split("/")[0] ?? ""))].map((top) => `'${printable(top)}'`);
  return new LifeboatError("failed", `nothing is mounted for ${tops.join(", ")} of the backup`, {
    hint:
      "Mount those volumes below BACKUP_SOURCES where they were, or name with --only what shall be restored. " +
      "Nothing was touched.",
  });
}
