import { LifeboatError } from "../../errors.ts";
import { byteStringOf, fromPrintable, printable, type ByteString } from "../../sources/names.ts";

/** The folder of an archive that everything lies in. */
const ROOT = "backup";

/**
 * A path below the sources as every command shows it to a person, and takes it back. "." is the folder of the sources.
 * What begins like the archive's own folder has "./" in front, which is never mistaken for it.
 */
export function shownPath(belowSources: Buffer | ByteString): string {
  const path = printable(belowSources);
  if (path === "") return ".";
  return isAtOrBelow(path, ROOT) ? `./${path}` : path;
}

/** As `shownPath`, for a path as an archive and its index have it ("backup/…"). */
export function shownMember(path: Buffer): string {
  return shownPath(path.subarray(`${ROOT}/`.length));
}

/**
 * The path below the sources that a person meant; "" is all of them. Taken are what `shownPath` writes, the same from
 * the root of this file system, and as an archive and its index have it, with "backup/" in front. Throws "usage" for
 * one that leads out of the sources.
 */
export function pathBelowSources(given: string, sources: string): ByteString {
  const path = withoutRoot(fromPrintable(given), byteStringOf(sources));
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (!names.includes("..")) return names.join("/");
  throw new LifeboatError("usage", `'${given}' leads out of BACKUP_SOURCES ('${sources}')`, { hint: PATHS_HINT });
}

/** The glob relative to the sources that a person meant, by the same rules. */
export function globBelowSources(glob: string, sources: string): string {
  const path = withoutRoot(glob, sources);
  return path === glob ? glob : `.${path}`;
}

export const PATHS_HINT =
  "Give it as `lifeboat ls ID` shows it, relative to BACKUP_SOURCES; a folder of theirs called 'backup' is './backup'.";

function withoutRoot(path: string, sources: string): string {
  const root = [sources, ROOT].find((each) => isAtOrBelow(path, each));
  return root === undefined ? path : path.slice(root.length);
}

function isAtOrBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
