import { join } from "node:path";
import { EntryTable, type TreeEntry } from "../../archive/entry-table.ts";
import { describeError, LifeboatError } from "../../errors.ts";
import { matchingGlobs } from "../../sources/exclusions.ts";
import { byteStringOf, type ByteString } from "../../sources/names.ts";
import { readHoldingsOf, type Found } from "../catalogue/find.ts";
import { IndexMemory } from "../catalogue/index-memory.ts";
import { entryOn, linesOfPaths } from "../catalogue/index-paths.ts";
import { openIndexOf, type Reading } from "../catalogue/open-index.ts";
import { globBelowSources, pathBelowSources } from "../catalogue/paths.ts";
import { brokenOnes } from "../catalogue/tell.ts";
import { inOrder } from "../conduct/in-order.ts";
import { openReaderSpool } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";
import { RunsOfSame } from "./runs-of-same.ts";

/** One backup's version of a file. */
export interface Version {
  readonly id: string;
  readonly takenAt: string;
  /** Relative to the sources. */
  readonly path: Buffer;
  readonly entry: TreeEntry;
  /** Held against the backup before it: "new" if that has nothing of the name, or there is none. */
  readonly content: "new" | "same" | "changed";
  /** The newest of the backups that have the same content, up to this one without a gap; and how many these are. */
  readonly newest: { readonly id: string; readonly takenAt: string; readonly mtimeNs: bigint };
  readonly backups: number;
}

/**
 * Gives every version of the files whose path below the sources matches `glob`, from the indexes alone: the newest
 * backup first, by path within a backup. Indexes that were opened before are remembered. `warn` is told of backups and
 * targets that could not be looked at. Rejects with "not-found" if no backup has such a file.
 */
export async function* findFiles(
  wanted: { readonly glob: string; readonly target?: string },
  tools: Tools,
  warn: (sentence: string) => void,
  signal: AbortSignal,
): AsyncGenerator<Version> {
  const matches = matching(wanted.glob, tools.config.sources);
  const { backups, complete } = await knownBackups(wanted.target, tools, warn, signal);
  await using spool = await openReaderSpool(tools.config.state);
  using table = new EntryTable(join(spool.folder, "entries.db"));
  const memory = new IndexMemory(tools.config.state, tools);
  // A backup's own number is that of its tree in the table.
  const add = async (backup: Found, at: number, either: AbortSignal) => {
    try {
      await addMatches(at, backup, matches, { table, memory, spool, tools }, either);
      return { at, backup };
    } catch (error) {
      either.throwIfAborted();
      table.drop(at);
      warn(`backup '${backup.backup.receipt.id}' was left out: ${describeError(error)}`);
      return undefined;
    }
  };
  using runs = new RunsOfSame(join(spool.folder, "runs.db"));
  const versionsOf = (newer: Numbered, olderAt: number) =>
    versions(newer, table.pairs(newer.at, olderAt), runs, backups);
  let found = false;
  let newer: Numbered | undefined;
  // A backup is shown once the one before it has been read.
  for await (const older of inOrder(backups, INDEXES_AT_ONCE, add, signal)) {
    if (!older) continue;
    if (newer) {
      for (const version of versionsOf(newer, older.at)) {
        found = true;
        yield version;
      }
      table.drop(newer.at);
    }
    newer = older;
  }
  if (newer) {
    for (const version of versionsOf(newer, backups.length)) {
      found = true;
      yield version;
    }
  }
  if (complete) await memory.forgetOthers(backups.map(({ backup }) => backup.receipt));
  if (!found) throw notFound(wanted.glob);
}

/** A key is made of the passphrase on one core, while another index is read on a second; fetching waits for others. */
const INDEXES_AT_ONCE = 4;

/** What the glob matches, or the one path that it is: names may have the characters that globs are made of. */
function matching(glob: string, sources: string): (path: ByteString) => boolean {
  const path = pathBelowSources(glob, sources);
  if (path === "") {
    throw new LifeboatError("usage", `'${glob}' matches nothing`, {
      hint: "Give a name or a pattern such as 'private_key.pem', '*.db' or 'conf/**', relative to BACKUP_SOURCES.",
    });
  }
  const matchesGlob = matchingGlobs([globBelowSources(glob, sources)]);
  return (each) => each === path || matchesGlob(each);
}

/** Newest first, each from the first target that has it; complete if these are all there are. */
async function knownBackups(
  targetName: string | undefined,
  tools: Tools,
  warn: (sentence: string) => void,
  signal: AbortSignal,
): Promise<{ readonly backups: readonly Found[]; readonly complete: boolean }> {
  const { holdings, unreadable } = await readHoldingsOf(targetName, tools, signal);
  if (holdings.length === 0 && unreadable[0]) throw unreadable[0].error;
  for (const { target, error } of unreadable) warn(`target '${target.name}' cannot be read: ${describeError(error)}`);
  const known = new Map<string, Found>();
  for (const { target, backups } of holdings) {
    for (const backup of backups) if (!known.has(backup.receipt.id)) known.set(backup.receipt.id, { target, backup });
  }
  const broken = holdings.flatMap((holding) => holding.broken);
  const locked = broken.find(({ problem }) => problem.kind === "wrong-key");
  if (known.size === 0 && locked) throw locked.problem;
  for (const sentence of brokenOnes(holdings)) warn(sentence);
  const backups = [...known.values()].sort((a, b) => b.backup.receipt.sequence - a.backup.receipt.sequence);
  return { backups, complete: targetName === undefined && unreadable.length === 0 && broken.length === 0 };
}

async function addMatches(
  tree: number,
  backup: Found,
  matches: (path: ByteString) => boolean,
  { table, ...reading }: Reading & { readonly table: EntryTable },
  signal: AbortSignal,
): Promise<void> {
  await using index = await openIndexOf(backup, reading, signal);
  const name = backup.backup.receipt.index.key;
  const lines = () => linesOfPaths(index.lines(), name);
  // The names by which the archive holds the content of wanted hard links: they need not match themselves.
  const linked = new Set<ByteString>();
  for await (const batch of lines()) {
    for (const line of batch) {
      const below = line.path.slice(ROOT.length);
      if (below === "" || !matches(below)) continue;
      const entry = entryOn(line, name);
      table.add(tree, entry);
      if (entry.linkTarget && entry.type === "hardlink") linked.add(byteStringOf(entry.linkTarget));
    }
  }
  if (linked.size === 0) return;
  for await (const batch of lines()) {
    for (const line of batch) if (linked.has(line.path)) table.addLinkTarget(tree, entryOn(line, name));
  }
}

const ROOT = "backup/";

function belowSources(path: Buffer): Buffer {
  return path.subarray(ROOT.length);
}

interface Numbered {
  readonly at: number;
  readonly backup: Found;
}

function* versions(
  { at, backup }: Numbered,
  pairs: ReturnType<EntryTable["pairs"]>,
  runs: RunsOfSame,
  backups: readonly Found[],
): Generator<Version> {
  const { id, takenAt } = backup.backup.receipt;
  for (const { one: entry, other: before } of pairs) {
    if (!entry) continue;
    const content = before ? (isSame(entry, before) ? "same" : "changed") : "new";
    const run = runs.extend(entry.path, { backup: at, mtimeNs: entry.mtimeNs }, content === "same");
    const { receipt } = (backups[run.newest] ?? backup).backup;
    const newest = { id: receipt.id, takenAt: receipt.takenAt, mtimeNs: run.mtimeNs };
    yield { id, takenAt, path: belowSources(entry.path), entry, content, newest, backups: run.backups };
  }
}

function isSame(one: TreeEntry, other: TreeEntry): boolean {
  if (one.type !== other.type || one.sha256 !== other.sha256) return false;
  return (one.linkTarget ?? NONE).equals(other.linkTarget ?? NONE);
}

const NONE = Buffer.alloc(0);

function notFound(glob: string): LifeboatError {
  return new LifeboatError("not-found", `no backup has a file that matches '${glob}'`, {
    hint: "Patterns are relative to BACKUP_SOURCES; one without a slash matches at any depth. Quote it from the shell.",
  });
}
