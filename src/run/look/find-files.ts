import { rm } from "node:fs/promises";
import { join } from "node:path";
import { EntryTable, type TreeEntry } from "../../archive/entry-table.ts";
import { readIndex } from "../../archive/index-file.ts";
import { describeError, LifeboatError } from "../../errors.ts";
import { matchingGlobs } from "../../sources/exclusions.ts";
import { byteStringOf, type ByteString } from "../../sources/names.ts";
import { fetchIndex } from "../catalogue/fetch.ts";
import { readHoldingsOf, type Found } from "../catalogue/find.ts";
import { globBelowSources, pathBelowSources } from "../catalogue/paths.ts";
import { brokenOnes } from "../catalogue/tell.ts";
import { openReaderSpool, type Spool } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";

/** One backup's version of a file. */
export interface Version {
  readonly id: string;
  readonly takenAt: string;
  /** Relative to the sources. */
  readonly path: Buffer;
  readonly entry: TreeEntry;
  /** Held against the backup before it: "new" if that has nothing of the name, or there is none. */
  readonly content: "new" | "same" | "changed";
}

/**
 * Gives every version of the files whose path below the sources matches `glob`, from the indexes alone: the newest
 * backup first, by path within a backup. Indexes are fetched one at a time. `warn` is told of backups and targets that
 * could not be looked at. Rejects with "not-found" if no backup has such a file.
 */
export async function* findFiles(
  wanted: { readonly glob: string; readonly target?: string },
  tools: Tools,
  warn: (sentence: string) => void,
  signal: AbortSignal,
): AsyncGenerator<Version> {
  const matches = matching(wanted.glob, tools.config.sources);
  const backups = await knownBackups(wanted.target, tools, warn, signal);
  await using spool = await openReaderSpool(tools.config.state);
  using table = new EntryTable(join(spool.folder, "entries.db"));
  let found = false;
  let newer: { readonly at: number; readonly backup: Found } | undefined;
  // A backup is shown once the one before it has been read. Its own number is that of its tree in the table.
  for (const [at, backup] of backups.entries()) {
    try {
      await addMatches(at, backup, matches, { table, spool, tools }, signal);
    } catch (error) {
      signal.throwIfAborted();
      table.drop(at);
      warn(`backup '${backup.backup.receipt.id}' was left out: ${describeError(error)}`);
      continue;
    }
    if (newer) {
      for (const version of versions(newer.backup, table.pairs(newer.at, at))) {
        found = true;
        yield version;
      }
      table.drop(newer.at);
    }
    newer = { at, backup };
  }
  if (newer) {
    for (const version of versions(newer.backup, table.pairs(newer.at, backups.length))) {
      found = true;
      yield version;
    }
  }
  if (!found) throw notFound(wanted.glob);
}

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

/** Newest first, each from the first target that has it. */
async function knownBackups(
  targetName: string | undefined,
  tools: Tools,
  warn: (sentence: string) => void,
  signal: AbortSignal,
): Promise<readonly Found[]> {
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
  return [...known.values()].sort((a, b) => b.backup.receipt.sequence - a.backup.receipt.sequence);
}

async function addMatches(
  tree: number,
  backup: Found,
  matches: (path: string) => boolean,
  { table, spool, tools }: { readonly table: EntryTable; readonly spool: Spool; readonly tools: Tools },
  signal: AbortSignal,
): Promise<void> {
  const index = await fetchIndex(backup, spool, tools, signal);
  await using _index = { [Symbol.asyncDispose]: () => rm(index, { force: true }) };
  // The names by which the archive holds the content of wanted hard links: they need not match themselves.
  const linked = new Set<string>();
  for await (const entry of readIndex(index, tools.keys, signal)) {
    const path = belowSources(entry.path);
    if (path.length === 0 || !matches(byteStringOf(path))) continue;
    table.add(tree, entry);
    if (entry.linkTarget && entry.type === "hardlink") linked.add(byteStringOf(entry.linkTarget));
  }
  if (linked.size === 0) return;
  for await (const entry of readIndex(index, tools.keys, signal)) {
    if (linked.has(byteStringOf(entry.path))) table.addLinkTarget(tree, entry);
  }
}

function belowSources(path: Buffer): Buffer {
  return path.subarray("backup/".length);
}

function* versions({ backup }: Found, pairs: ReturnType<EntryTable["pairs"]>): Generator<Version> {
  const { id, takenAt } = backup.receipt;
  for (const { one: entry, other: before } of pairs) {
    if (!entry) continue;
    const content = before ? (isSame(entry, before) ? "same" : "changed") : "new";
    yield { id, takenAt, path: belowSources(entry.path), entry, content };
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
