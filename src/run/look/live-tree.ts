import { constants, createReadStream } from "node:fs";
import { lstat, open, readlink, rm } from "node:fs/promises";
import type { AddedEntry } from "../../archive/entry-table.ts";
import { describeError } from "../../errors.ts";
import { bytesOf, byteStringOf, printable, type ByteString } from "../../sources/names.ts";
import { sqliteSource } from "../../sources/sqlite.ts";
import type { FoundDatabase } from "../../sources/findings.ts";
import { digestOf } from "../../system/digest.ts";
import { isSystemError } from "../../system/files.ts";
import { provenFinding } from "../backup/copy-databases.ts";
import { surveySources } from "../backup/snapshot.ts";
import { requireSpace, type Spool } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";

/** A file, folder or link below BACKUP_SOURCES as it is now, under the path it would have in a backup. */
export interface LiveEntry {
  readonly entry: AddedEntry;
  /** Of a database: its size and SHA-256 are those of a consistent copy, as a backup would hold it. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/**
 * Everything that a backup made now would hold. Files are not read (no SHA-256), but databases are copied. `warn` is
 * told of what cannot be looked at; it is left out.
 */
export async function* liveTree(
  spool: Spool,
  tools: Tools,
  warn: (sentence: string) => void,
  signal: AbortSignal,
): AsyncGenerator<LiveEntry> {
  const { listFile, databases, root, unreadable } = await surveySources(await spool.makeFolder("lists"), tools, signal);
  if (unreadable.count > 0) warn(`${unreadable.count} files or folders could not be read: ${unreadable.names[0]}`);
  for await (const path of namesOf(listFile, signal)) {
    const entry = await entryAt(tools.config.sources, path);
    if (entry) yield { entry };
  }
  for (const database of databases) {
    try {
      const copied = await copiedDatabase(database, root, spool, tools, signal);
      yield copied;
      // A receipt has the facts of each file once.
      for (const path of database.otherNames ?? []) yield { entry: { ...copied.entry, path: inBackup(path) } };
    } catch (error) {
      signal.throwIfAborted();
      warn(`database '${printable(database.path)}' was not compared: ${describeError(error)}`);
    }
  }
}

/** True if there is anything at that path of a backup ("backup/…") now, readable or not. */
export async function isLive(sources: string, path: Buffer): Promise<boolean> {
  try {
    await lstat(livePath(sources, path));
    return true;
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR")) return false;
    throw error;
  }
}

/** SHA-256 of the live file at that path of a backup. Never follows a link and never waits for a FIFO's writer. */
export async function sha256OfLive(sources: string, path: Buffer, signal: AbortSignal): Promise<string> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  return (await digestOf(await open(livePath(sources, path), flags), signal)).sha256;
}

function inBackup(path: Buffer): Buffer {
  return bytesOf(`backup/${byteStringOf(path)}`);
}

async function copiedDatabase(
  found: FoundDatabase,
  root: string,
  spool: Spool,
  { config }: Tools,
  signal: AbortSignal,
): Promise<LiveEntry> {
  const folder = await spool.makeFolder("database");
  try {
    await requireSpace(folder, found.sizeBytes, "to compare a database");
    const source = sqliteSource(found, { root, timeoutMs: config.sqliteTimeoutMs });
    const snapshot = await source.snapshot({ folder }, signal);
    const { members } = snapshot;
    const copy = bytesOf(`${byteStringOf(members[0]?.root ?? "")}/${byteStringOf(found.path)}`);
    const { size, mtimeNs } = await lstat(copy, { bigint: true });
    const { sha256 } = await digestOf(await open(copy, "r"), signal);
    const { uid, gid, mode } = found;
    const entry = {
      path: inBackup(found.path),
      type: "file" as const,
      sizeBytes: Number(size),
      mode,
      uid,
      gid,
      mtimeNs,
      sha256,
    };
    return { entry, facts: (await provenFinding(snapshot, signal)).facts };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Undefined for what is gone since it was listed. */
async function entryAt(sources: string, listed: ByteString): Promise<AddedEntry | undefined> {
  const path = bytesOf(`backup${listed.slice(1)}`);
  const live = livePath(sources, path);
  try {
    const stats = await lstat(live, { bigint: true });
    const [uid, gid, mode] = [Number(stats.uid), Number(stats.gid), Number(stats.mode) & 0o7777];
    const common = { path, mode, uid, gid, mtimeNs: stats.mtimeNs };
    if (stats.isDirectory()) return { ...common, type: "folder", sizeBytes: 0 };
    if (stats.isFile()) return { ...common, type: "file", sizeBytes: Number(stats.size) };
    const linkTarget = await readlink(live, { encoding: "buffer" });
    return { ...common, type: "symlink", sizeBytes: 0, linkTarget };
  } catch (error) {
    if (isSystemError(error, "ENOENT", "ENOTDIR", "EINVAL")) return undefined;
    throw error;
  }
}

function livePath(sources: string, path: Buffer): Buffer {
  return Buffer.concat([Buffer.from(sources), path.subarray("backup".length)]);
}

/** The names on a survey's list, each "." or "./…". */
async function* namesOf(listFile: string, signal: AbortSignal): AsyncGenerator<ByteString> {
  let rest = "";
  for await (const text of createReadStream(listFile, { encoding: "latin1", signal })) {
    const names = (rest + String(text)).split("\0");
    rest = names.pop() ?? "";
    yield* names;
  }
}
