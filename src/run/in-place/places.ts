import { lstat, readFile, realpath } from "node:fs/promises";
import { LifeboatError } from "../../errors.ts";
import { isSystemError } from "../../system/files.ts";
import { identityOf } from "./paths.ts";

/** One mount point at or below the sources: the largest thing within which files can be put in place by rename. */
export interface Place {
  /** Absolute, real path. */
  readonly folder: string;
  /** The same relative to the sources; empty for the sources themselves. */
  readonly path: string;
  /** "file": a single file that is mounted; it cannot be renamed over. */
  readonly kind: "folder" | "file";
  readonly readOnly: boolean;
  /** Of the file system, to count its free space once. */
  readonly device: number;
  readonly identity: string;
}

/**
 * The places of `sources`, the outer ones first. The sources themselves are one, except in a container that has nothing
 * mounted there: what is written to a container's own layer is lost with it. `own` are folders of this program that
 * may lie below (device and inode, "dev:ino"); they are none.
 */
export async function findPlaces(sources: string, own: ReadonlySet<string>): Promise<readonly Place[]> {
  const root = await realpath(sources).catch((cause: unknown) => {
    throw new LifeboatError("failed", `the folder of the sources, '${sources}', cannot be reached`, {
      cause,
      hint: "Mount the volumes that are to be restored below it.",
    });
  });
  const text = await mountinfo();
  const mounts = parseMounts(text);
  const below = [...mounts.keys()].filter((point) => point !== root && isBelow(point, root)).sort();
  const isOwnLayer = !mounts.has(root) && deepestAround(root, mounts) === "/" && isLayered(text);
  const places: Place[] = [];
  for (const folder of [...(isOwnLayer ? [] : [root]), ...below]) {
    const stats = await lstat(folder);
    if (own.has(identityOf(stats)) && folder !== root) continue;
    if (!stats.isDirectory() && !stats.isFile()) continue;
    places.push({
      folder,
      path: folder === root ? "" : folder.slice(root.length + (root === "/" ? 0 : 1)),
      kind: stats.isDirectory() ? "folder" : "file",
      readOnly: mounts.get(deepestAround(folder, mounts)) ?? false,
      device: stats.dev,
      identity: identityOf(stats),
    });
  }
  return places;
}

/** Every mount point, and whether it may only be read. Of several at one point the last is the one that is seen. */
function parseMounts(text: string): ReadonlyMap<string, boolean> {
  const mounts = new Map<string, boolean>();
  for (const line of text.split("\n")) {
    const [, , , , point, options] = line.split(" ");
    if (point === undefined || options === undefined) continue;
    const [, superOptions = ""] = / - \S+ \S+ (\S+)$/.exec(line) ?? [];
    const isReadOnly = [options, superOptions].some((some) => some.split(",").includes("ro"));
    mounts.set(unescaped(point), isReadOnly);
  }
  return mounts;
}

function deepestAround(path: string, mounts: ReadonlyMap<string, boolean>): string {
  return [...mounts.keys()]
    .filter((point) => path === point || isBelow(path, point))
    .reduce((best, point) => (point.length > best.length ? point : best), "/");
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder === "/" ? "/" : `${folder}/`);
}

/** A container's own root is made of layers, with whichever storage driver an engine uses by default. */
function isLayered(text: string): boolean {
  return /^\S+ \S+ \S+ \S+ \/ .* - (?:overlay|fuse\.fuse-overlayfs|aufs) /m.test(text);
}

/** mountinfo writes space, tab, newline and backslash as octal numbers. */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}

async function mountinfo(): Promise<string> {
  try {
    return await readFile("/proc/self/mountinfo", "utf8");
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return ""; // Not Linux: then the sources are one place.
    throw error;
  }
}
