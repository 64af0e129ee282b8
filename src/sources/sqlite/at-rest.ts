import { constants } from "node:fs";
import { chmod, copyFile, open } from "node:fs/promises";
import Database from "better-sqlite3";
import type { Clock } from "../../system/clock.ts";
import { bytesOf, type ByteString } from "../names.ts";
import { isUntouched, lastWrittenMs, lookAtFiles, type FilesOnDisk } from "./files.ts";
import { HOLD_HINT, Obstacle } from "./obstacle.ts";
import { settleSuperJournal } from "./super-journal.ts";

/** The endings of the side files that hold data. The -shm is only an index of the -wal; SQLite makes it anew. */
export const DATA_FILES = ["-wal", "-journal"] as const;

/**
 * Copies the files of a database that nobody writes to, and proves that nobody did: no file was written, made, removed
 * or replaced from before the first byte was read until after the last. No connection may be open in this process.
 * Resolves with what was there; rejects with an Obstacle if something moved.
 */
export async function copyFilesAtRest(database: ByteString, copy: string, clock: Clock): Promise<FilesOnDisk> {
  const before = await lookAtFiles(database);
  const writtenMs = lastWrittenMs(before);
  const ageMs = clock.now().getTime() - writtenMs;
  if (ageMs >= 0 && ageMs < settledAfterMs(writtenMs))
    throw new Obstacle("it is being written to", { hint: HOLD_HINT });
  await copyFiles(database, before, copy);
  if (!isUntouched(before, await lookAtFiles(database))) {
    throw new Obstacle("it changed while its files were copied", { hint: HOLD_HINT });
  }
  return before;
}

/**
 * File times move in ticks, and a second write in the same tick would not show: ticks of the kernel's clock (up to
 * 10 ms), or of seconds (up to 2) on file systems that keep no more.
 */
export function settledAfterMs(writtenMs: number): number {
  return writtenMs % 1000 === 0 ? 2100 : 50;
}

/** Copies what is there, proving nothing. */
export async function copyFiles(database: ByteString, files: FilesOnDisk, copy: string): Promise<void> {
  if (!files.database) throw new Obstacle("it is gone", { patienceMs: GONE_PATIENCE_MS });
  await copyFilePrivately(database, copy);
  if (files.wal) await copyFilePrivately(`${database}-wal`, `${copy}-wal`);
  if (files.journal) await copyFilePrivately(`${database}-journal`, `${copy}-journal`);
}

/** An application that replaces its database by deleting the old one leaves a short gap. */
export const GONE_PATIENCE_MS = 3000;

async function copyFilePrivately(from: ByteString, to: string): Promise<void> {
  await copyFile(bytesOf(from), to, constants.COPYFILE_FICLONE);
  await chmod(to, 0o600);
}

/**
 * Lets SQLite finish in the copy what the crash interrupted: it takes committed transactions over from the -wal and
 * rolls back the uncommitted one of a hot -journal. Neither file is left afterwards.
 */
export async function recoverCopy(database: ByteString, copy: string, files: FilesOnDisk): Promise<void> {
  if (files.journal && files.journal.size > 0n) await settleSuperJournal(database, `${copy}-journal`);
  const connection = new Database(copy, { fileMustExist: true, timeout: 0 });
  try {
    connection.pragma("schema_version");
    connection.pragma("wal_checkpoint(TRUNCATE)");
  } finally {
    connection.close();
  }
}

/**
 * How many pages of committed changes a -wal held that is missing while its -shm is still there; undefined if that
 * cannot be told. SQLite removes the -shm first, so somebody else removed the -wal.
 * (The -shm's layout: https://sqlite.org/walformat.html, 2.1.)
 */
export async function pagesLostWithWal(database: ByteString): Promise<number | undefined> {
  const file = await open(bytesOf(`${database}-shm`), "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(100), 0, 100, 0);
    if (bytesRead < 100 || buffer[12] !== 1) return undefined;
    const [framesInWal, framesInDatabase] = [buffer.readUInt32LE(16), buffer.readUInt32LE(96)];
    return Math.max(0, framesInWal - framesInDatabase);
  } finally {
    await file.close();
  }
}
