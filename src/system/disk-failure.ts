import { statfsSync } from "node:fs";
import { LifeboatError } from "../errors.ts";

/**
 * `error`, if the disk made it, as one that names the folder, and the room there where that is
 * what is missing. Anything else comes back as it is.
 */
export function diskFailure(error: unknown, doing: string, folder: string): unknown {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return error;
  if (!FULL.has(error.code)) return new LifeboatError("failed", `cannot ${doing} in '${folder}'`, { cause: error });
  return fullDisk(error, doing, folder);
}

/** `error`, or, if a full disk made it, one that names the folder, which the system's own does not. */
export function fullDisk(error: unknown, doing: string, folder: string): unknown {
  if (!(error instanceof Error) || !("code" in error) || !FULL.has(String(error.code))) return error;
  const { bavail, bsize } = statfsSync(folder);
  const mib = Math.floor((bavail * bsize) / 1024 / 1024);
  return new LifeboatError("failed", `cannot ${doing}: no space left in '${folder}', ${mib} MiB free`, {
    hint: "Free some space there, or use a larger volume (BACKUP_STATE says where the state folder is). The backups are not touched by it.",
    cause: error,
  });
}

const FULL: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "SQLITE_FULL"]);
