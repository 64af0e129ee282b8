import { statfsSync } from "node:fs";
import { LifeboatError } from "../errors.ts";

/**
 * `error`, if the disk made it, as one that names the folder below the state folder, and the room there where that is
 * what is missing. Anything else comes back as it is.
 */
export function diskFailure(error: unknown, doing: string, folder: string): unknown {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return error;
  if (!FULL.has(error.code)) return new LifeboatError("failed", `cannot ${doing} in '${folder}'`, { cause: error });
  const { bavail, bsize } = statfsSync(folder);
  const mib = Math.floor((bavail * bsize) / 1024 / 1024);
  return new LifeboatError("failed", `cannot ${doing}: no space left in '${folder}', ${mib} MiB free`, {
    hint: "Free some space, or mount a larger volume there (BACKUP_STATE says where). The backups are not touched by it.",
    cause: error,
  });
}

const FULL: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "SQLITE_FULL"]);
