import { constants } from "node:fs";
import { access } from "node:fs/promises";
import Database from "better-sqlite3";
import { LifeboatError } from "../../errors.ts";
import { isSystemError } from "../../system/files.ts";
import { bytesOf, type ByteString } from "../names.ts";
import { SIDE_FILES } from "./header.ts";
import { HOLD_HINT, Malformed, Obstacle } from "./obstacle.ts";

/** True if the error is SQLite's of that code or one of its extended codes (SQLITE_BUSY_RECOVERY is a SQLITE_BUSY). */
export function isSqliteError(error: unknown, ...codes: readonly string[]): boolean {
  if (!(error instanceof Database.SqliteError)) return false;
  return codes.some((code) => error.code === code || error.code.startsWith(`${code}_`));
}

/**
 * What a schema needs that is not here, in SQLite's words: a function, collation, tokenizer or module of the
 * application's. Throws the error again if it is of another kind.
 */
export function lackedBySqlite(error: unknown): string {
  if (error instanceof Database.SqliteError && isSqliteError(error, "SQLITE_ERROR")) return error.message;
  throw error;
}

/** What an error means for the copy: an obstacle, a malformed file, or a failure that waiting will not mend. */
export async function explained(error: unknown, database: ByteString): Promise<unknown> {
  if (!(error instanceof Database.SqliteError)) return await explainedSystemError(error, database);
  const { code } = error;
  if (isSqliteError(error, "SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")) {
    return new Obstacle("it is locked by another process", { cause: error, hint: HOLD_HINT });
  }
  if (isSqliteError(error, "SQLITE_CORRUPT", "SQLITE_NOTADB")) return new Malformed(`${error.message} (${code})`);
  if (isSqliteError(error, "SQLITE_FULL", "SQLITE_IOERR_WRITE")) {
    return new LifeboatError("failed", "there is no room for the copy", { cause: error, hint: SPACE_HINT });
  }
  if (isSqliteError(error, "SQLITE_IOERR_LOCK", "SQLITE_IOERR_RDLOCK", "SQLITE_IOERR_SHMLOCK", "SQLITE_NOLFS")) {
    return new LifeboatError("failed", "its file system does not support locks", { cause: error, hint: HOLD_HINT });
  }
  if (isSqliteError(error, "SQLITE_IOERR")) {
    return new Obstacle(`it cannot be read from its disk (${code})`, { cause: error, patienceMs: IO_PATIENCE_MS });
  }
  if (isSqliteError(error, "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")) {
    return (await refusal(database)) ?? new Obstacle("SQLite cannot open it", { cause: error, hint: HOLD_HINT });
  }
  if (isSqliteError(error, "SQLITE_READONLY")) {
    return new Obstacle(`it needs recovery (${code})`, { cause: error, hint: HOLD_HINT });
  }
  return new LifeboatError("failed", "SQLite cannot copy it", { cause: error });
}

/** Of copying files without SQLite. */
async function explainedSystemError(error: unknown, database: ByteString): Promise<unknown> {
  if (isSystemError(error, "ENOENT")) {
    return new Obstacle("it changed while its files were copied", { cause: error, hint: HOLD_HINT });
  }
  if (isSystemError(error, "EACCES", "EPERM")) return (await refusal(database)) ?? error;
  if (isSystemError(error, "ENOSPC", "EDQUOT")) {
    return new LifeboatError("failed", "there is no room for the copy", { cause: error, hint: SPACE_HINT });
  }
  if (isSystemError(error, "EIO")) {
    return new Obstacle("it cannot be read from its disk (EIO)", { cause: error, patienceMs: IO_PATIENCE_MS });
  }
  return error;
}

const SPACE_HINT = "Give the file system of BACKUP_STATE more space: it holds a copy of each database during a run.";

/** A disk may need its own retries; a defect does not go away. */
const IO_PATIENCE_MS = 5000;

/** SQLite says only that it cannot open the database; the usual reason is that we may not read one of its files. */
async function refusal(database: ByteString): Promise<LifeboatError | undefined> {
  for (const ending of ["", ...SIDE_FILES]) {
    try {
      await access(bytesOf(database + ending), constants.R_OK);
    } catch (cause) {
      if (isSystemError(cause, "ENOENT")) continue;
      return new LifeboatError("failed", `its file *${ending} may not be read`, {
        cause,
        hint: "Run the sidecar as a user who may read it, or as root with the capability DAC_READ_SEARCH.",
      });
    }
  }
  return undefined;
}
