import { constants, type Stats } from "node:fs";
import { access, lstat, realpath } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { LifeboatError } from "../../errors.ts";
import { bytesOf } from "../../sources/names.ts";
import { readSqliteHeader, SIDE_FILES } from "../../sources/sqlite/header.ts";
import { isSystemError } from "../../system/files.ts";
import { mountOf } from "../../system/mounts.ts";
import { pathBelowSources, PATHS_HINT } from "../catalogue/paths.ts";

/**
 * The path of a database below the sources, of whichever spelling (see `pathBelowSources`). SQLite opens names in UTF-8
 * only. Throws "usage" for one that leads out of the sources, or is no more than them.
 */
export function databasePath(given: string, sources: string): string {
  const path = bytesOf(pathBelowSources(given, sources)).toString("utf8");
  if (path !== "") return path;
  throw new LifeboatError("usage", `'${given}' is all of BACKUP_SOURCES ('${sources}') and no database`, {
    hint: PATHS_HINT,
  });
}

/** The real path of a SQLite database. Rejects with "not-found" if it is not there, with "usage" if it is none. */
export async function requireDatabase(path: string): Promise<string> {
  let real: string;
  try {
    real = await realpath(path);
  } catch (error) {
    if (!isSystemError(error, "ENOENT", "ENOTDIR")) throw error;
    throw new LifeboatError("not-found", `there is no '${path}'`, {
      hint:
        "Rows are restored into a database that is there; one of PostgreSQL is named by its dump, as " +
        ".databases/SERVER/DATABASE.pgdump. To bring back all of a database, use 'lifeboat restore'.",
    });
  }
  const header = (await lstat(real)).isFile() ? await readSqliteHeader(real) : undefined;
  if (header) return real;
  throw new LifeboatError("usage", `'${path}' is not a SQLite database`, {
    hint: "Only SQLite databases and dumps of PostgreSQL have rows to restore one by one. Other files are restored whole.",
  });
}

/** Rejects, naming the mount or the file, if SQLite could not write to the database: it needs its folder as well. */
export async function requireWritable(database: string): Promise<void> {
  for (const path of [database, dirname(database)]) {
    try {
      await access(path, constants.W_OK);
    } catch (error) {
      throw isSystemError(error, "EROFS") ? await readOnlyMount(database, error) : notAllowed(path, error);
    }
  }
}

async function readOnlyMount(database: string, cause: unknown): Promise<LifeboatError> {
  const mount = await mountOf(database);
  const point = mount?.point ?? dirname(database);
  const volume = mount?.volume === undefined ? "" : ` (volume '${mount.volume}')`;
  // Not at the same place: compose keeps the "read-only" of the service's own mount there.
  const into = join("/writable", relative(point, database));
  return new LifeboatError(
    "failed",
    `'${point}'${volume} is mounted read-only, so '${database}' cannot be written to`,
    {
      cause,
      hint:
        "Nothing was touched. For this one command mount it writable elsewhere: " +
        `docker compose run --rm ${CAPABILITIES} --volume VOLUME:/writable backup restore-rows … --into ${into}`,
    },
  );
}

const CAPABILITIES = "--cap-add CHOWN --cap-add DAC_OVERRIDE --cap-add FOWNER";

function notAllowed(path: string, cause: unknown): LifeboatError {
  return new LifeboatError("failed", `'${path}' may not be written to`, {
    cause,
    hint: `Nothing was touched. Run it as the owner, or as root with: docker compose run --rm ${CAPABILITIES} …`,
  });
}

/**
 * The side files of a database that belong to somebody else than the database itself: its application may not be
 * allowed to write to them.
 */
export async function strangeSideFiles(database: string): Promise<readonly string[]> {
  const { uid } = await lstat(database);
  const strange: string[] = [];
  for (const ending of SIDE_FILES) {
    const stats = await statIfThere(database + ending);
    if (stats && stats.uid !== uid) strange.push(basename(database) + ending);
  }
  return strange;
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  return await lstat(path).catch((error: unknown) => {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw error;
  });
}

/** What a copy of it needs to know. */
export async function describeDatabase(real: string) {
  const { size, dev, ino, nlink: links, uid, gid, mode } = await lstat(real);
  const wal = await statIfThere(`${real}-wal`);
  const path = Buffer.from(basename(real));
  return { path, sizeBytes: size + (wal?.size ?? 0), dev, ino, links, uid, gid, mode: mode & 0o7777 };
}

/** Where a copy that `sqliteSource` made lies. */
export function copyIn(root: string, real: string): string {
  return join(root, basename(real));
}
