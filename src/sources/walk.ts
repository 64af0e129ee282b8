import { constants, type Stats } from "node:fs";
import { access, lstat, readdir } from "node:fs/promises";
import { LifeboatError } from "../errors.ts";
import { isSystemError } from "../system/files.ts";
import type { Exclusions } from "./exclusions.ts";
import type { Findings, FoundDatabase } from "./findings.ts";
import { leadsOutOf } from "./leading-out.ts";
import type { ListWriter } from "./list-writer.ts";
import { byteStringOf, bytesOf, pathBelow, printable, type ByteString } from "./names.ts";
import { identityOf, type FolderIdentity } from "./root.ts";
import { HEADER_BYTES, readSqliteHeader, SIDE_FILES } from "./sqlite/header.ts";
import { encryptedIn, storeOf } from "./stores.ts";

export interface Walk {
  /** Real path. */
  readonly root: string;
  readonly isExcluded: Exclusions;
  readonly never: ReadonlySet<FolderIdentity>;
  readonly findDatabases: boolean;
  readonly list: Pick<ListWriter, "add">;
  /** Of the folders on the list, with their identities. */
  readonly folders: Pick<ListWriter, "addIdentified">;
  readonly findings: Findings;
  readonly signal: AbortSignal;
}

/** Looks at everything below the root and puts it on the list or into the findings. */
export async function walk(job: Walk): Promise<void> {
  const identity = identityOf(await lstat(job.root));
  if (job.never.has(identity)) {
    throw new LifeboatError("failed", `'${job.root}' is one of the sidecar's own folders`, {
      hint: "The folder to save, the state folder and the local archive must be different folders.",
    });
  }
  await walkFolder(job, "", identity);
}

/** `folder` is relative to the root; empty for the root itself. */
async function walkFolder(job: Walk, folder: ByteString, identity: FolderIdentity): Promise<void> {
  job.findings.totals.folders += 1;
  await job.list.add(bytesOf(folder));
  await job.folders.addIdentified(identity, bytesOf(folder));
  const names = await namesIn(job, folder);
  await noteStores(job, folder, names.sort());
  // Reversed, so that names can be taken off the end: what was dealt with is freed before the folders below are read.
  names.reverse();
  const databases = new Set<ByteString>();
  while (names.length > 0) {
    job.signal.throwIfAborted();
    const batch = names.splice(-BATCH).reverse();
    const looks = await Promise.all(batch.map((name) => look(job, folder, name)));
    if (!(await isStill(job, folder, identity))) {
      job.findings.vanished.add(folder === "" ? "." : printable(folder));
      return;
    }
    for (const found of looks) if (found?.database) databases.add(found.path);
    for (const found of looks) if (found && !isSideFile(found, databases)) await take(job, found);
  }
}

/** False if another folder has the name by now, or a link: what was looked at may have been in there. */
async function isStill(job: Walk, folder: ByteString, identity: FolderIdentity): Promise<boolean> {
  try {
    return identityOf(await lstat(absolute(job, folder))) === identity;
  } catch {
    return false;
  }
}

/** Enough to keep Node's four file threads busy. */
const BATCH = 64;

async function namesIn(job: Walk, folder: ByteString): Promise<ByteString[]> {
  try {
    return await readdir(absolute(job, folder), { encoding: "latin1" });
  } catch (error) {
    recordFailure(job, folder, error);
    return [];
  }
}

/** A store of its own that lies in another one's folder is part of that. */
async function noteStores(job: Walk, folder: ByteString, names: readonly ByteString[]): Promise<void> {
  const { stores } = job.findings;
  const around = stores.at(-1);
  if (around?.form === "folder" && (around.path === "" || folder.startsWith(`${around.path}/`))) return;
  const place = { folder, isExcluded: job.isExcluded, pathOf: (path: ByteString) => absolute(job, path) };
  const store = await storeOf(names, place);
  if (store) stores.push(store);
  else if (job.findDatabases) stores.push(...(await encryptedIn(names, place)));
}

/**
 * The kernel takes 4,095 bytes. When it is restored there is "backup/" before it, and where tar sets attributes
 * "/proc/self/fd/<number>/" before that.
 */
const MAX_PATH_BYTES = 4095 - 40;

/** Each byte of a hole is digested, here and when it is restored; nothing longer than the longest file of ext4 is taken. */
const MAX_FILE_BYTES = 2 ** 44;

/** What `stat` counts blocks in, whatever those of the file system are. */
const STAT_BLOCK_BYTES = 512;

/** What a restore makes beside the data: new data on its way in, old data that is kept. */
const WORK_FOLDER = /^\.lifeboat-(?:[0-9a-f]{8}|restore-[A-Za-z0-9]{6})$/;

/** One name of a folder, looked at: not followed, and opened only if it is a regular file. */
interface Look {
  readonly path: ByteString;
  readonly stats: Stats;
  readonly database: boolean;
  /** Why it cannot be read. */
  readonly failure?: unknown;
}

async function look(job: Walk, folder: ByteString, name: ByteString): Promise<Look | undefined> {
  const path = folder === "" ? name : `${folder}/${name}`;
  if (WORK_FOLDER.test(name)) {
    job.findings.ownFolders.add(printable(path));
    return undefined;
  }
  if (job.isExcluded(path)) {
    job.findings.excluded += 1;
    return undefined;
  }
  if (path.length > MAX_PATH_BYTES) {
    job.findings.unreadable.add(`${printable(path)} (its path is too long to be restored)`);
    return undefined;
  }
  let stats: Stats;
  try {
    stats = await lstat(absolute(job, path));
  } catch (error) {
    recordFailure(job, path, error);
    return undefined;
  }
  if (!stats.isFile()) return { path, stats, database: false };
  if (stats.size > MAX_FILE_BYTES) {
    job.findings.unreadable.add(`${printable(path)} (longer than 16 TiB)`);
    return undefined;
  }
  try {
    return { path, stats, database: await isDatabase(job, path, stats) };
  } catch (failure) {
    return { path, stats, database: false, failure };
  }
}

/** Rejects if the file cannot be read, whatever is in it. */
async function isDatabase(job: Walk, path: ByteString, stats: Stats): Promise<boolean> {
  if (job.findDatabases && stats.size >= HEADER_BYTES) {
    return (await readSqliteHeader(absolute(job, path))) !== undefined;
  }
  await access(absolute(job, path), constants.R_OK);
  return false;
}

async function take(job: Walk, found: Look): Promise<void> {
  const { path, stats } = found;
  if (found.database) {
    job.findings.databases.push(await describeDatabase(job, path, stats));
    job.findings.places.add(path, stats.size);
  } else if (found.failure !== undefined) {
    recordFailure(job, path, found.failure);
  } else if (stats.isDirectory()) {
    const identity = identityOf(stats);
    if (job.never.has(identity)) job.findings.ownFolders.add(printable(path));
    else await walkFolder(job, path, identity);
  } else if (stats.isFile() || stats.isSymbolicLink()) {
    if (stats.isFile()) noteFile(job, path, stats);
    else await noteLink(job, path);
    await job.list.add(bytesOf(path));
  } else {
    job.findings.special.add(printable(path));
  }
}

function noteFile({ findings: { totals, places } }: Walk, path: ByteString, { size, blocks }: Stats): void {
  totals.files += 1;
  totals.sizeBytes += size;
  totals.allocatedBytes += Math.min(size, blocks * STAT_BLOCK_BYTES);
  places.add(path, size);
}

/** Within a volume a symlink is a file like any other; at the top it stands in a volume's place. */
async function noteLink(job: Walk, path: ByteString): Promise<void> {
  job.findings.totals.symlinks += 1;
  const target = path.includes("/") ? undefined : await leadsOutOf(job.root, absolute(job, path));
  if (target !== undefined) job.findings.leadingOut.add(`${printable(path)} -> ${printable(byteStringOf(target))}`);
}

async function describeDatabase(job: Walk, path: ByteString, stats: Stats): Promise<FoundDatabase> {
  const walBytes = await lstat(absolute(job, `${path}-wal`)).then(
    (wal) => wal.size,
    // Without a -wal there is nothing to add; one that cannot be looked at fails the copy, which tells.
    () => 0,
  );
  const { dev, ino, nlink: links, uid, gid } = stats;
  return {
    path: bytesOf(path),
    sizeBytes: stats.size + walBytes,
    dev,
    ino,
    links,
    uid,
    gid,
    mode: stats.mode & 0o7777,
  };
}

function isSideFile({ path, stats, database }: Look, databases: ReadonlySet<ByteString>): boolean {
  if (!stats.isFile() || database) return false;
  // A database's name sorts before its side files' names, so it is known by now.
  return SIDE_FILES.some((ending) => path.endsWith(ending) && databases.has(path.slice(0, -ending.length)));
}

function recordFailure(job: Walk, path: ByteString, error: unknown): void {
  const name = path === "" ? "." : printable(path);
  if (isSystemError(error, ...GONE)) job.findings.vanished.add(name);
  else job.findings.unreadable.add(`${name} (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
}

/** No longer there, or of another kind by now: a folder that became a file or a link, a file that became a socket. */
const GONE = ["ENOENT", "ENOTDIR", "ELOOP", "ENXIO", "EISDIR"];

function absolute({ root }: Walk, path: ByteString): Buffer {
  return pathBelow(root, path);
}
