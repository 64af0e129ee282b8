import { constants } from "node:fs";
import { open } from "node:fs/promises";

/** The first 100 bytes of a database file, as far as they matter here (https://sqlite.org/fileformat.html, 1.3). */
export interface SqliteHeader {
  readonly journalMode: "wal" | "rollback";
}

/** A header is this long; a shorter file is no database. */
export const HEADER_BYTES = 100;

/**
 * Reads the header of the file at `path`; undefined if it is not that of an SQLite database (an encrypted one has
 * none). Rejects with the system's error if the file cannot be read.
 *
 * Opens and closes the file: in a process that has the same database open in SQLite this would drop SQLite's locks
 * (POSIX locks belong to the process and go with the first close), so call it only where none is open.
 */
export async function readSqliteHeader(path: string | Buffer): Promise<SqliteHeader | undefined> {
  // NONBLOCK and NOFOLLOW: whatever was put in the file's place since it was looked at, opening it does not hang.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEADER_BYTES), 0, HEADER_BYTES, 0);
    if (bytesRead < HEADER_BYTES || !buffer.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
    return { journalMode: buffer[18] === 2 || buffer[19] === 2 ? "wal" : "rollback" };
  } finally {
    await file.close();
  }
}

const MAGIC = Buffer.from("SQLite format 3\0");

/** What SQLite keeps beside a database, by the ending of the name. */
export const SIDE_FILES = ["-wal", "-shm", "-journal"] as const;
