import { join } from "node:path";
import { EntryTable, type TreeEntry } from "../../archive/entry-table.ts";
import { readIndex } from "../../archive/index-file.ts";
import type { Receipt } from "../../archive/receipt.ts";
import { describeError, LifeboatError } from "../../errors.ts";
import { printable } from "../../sources/names.ts";
import { differences, tableChanges, type Difference, type RowCounts, type TableChange } from "./differences.ts";
import { fetchIndex } from "../catalogue/fetch.ts";
import { findBackup, type Found } from "../catalogue/find.ts";
import { pendingInPlace } from "../in-place/pending.ts";
import { isLive, liveTree, sha256OfLive } from "./live-tree.ts";
import { openReaderSpool, type Spool } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";

/** What became of one file, folder or link. */
export interface Change {
  /** Relative to the sources; empty for the folder of the sources itself. */
  readonly path: Buffer;
  readonly change: "added" | "removed" | "changed";
  readonly type: TreeEntry["type"];
  /** Empty unless it is "changed". */
  readonly how: readonly Difference[];
  /** Of a SQLite database whose rows were counted on both sides: the tables with other numbers of rows. */
  readonly tables?: readonly TableChange[];
}

export interface WantedDiff {
  readonly from: string;
  /** Another backup; without it, the live data below the sources. */
  readonly to?: string;
  readonly target?: string;
  /** Read live files also where size and time are the same. */
  readonly content: boolean;
}

/**
 * Gives what changed from one backup to another, or to the live data, by path. Only indexes are fetched; live files are
 * read where size or time leave it open, live databases are copied as a backup would. `warn` is told of what could not
 * be compared.
 */
export async function* diff(
  wanted: WantedDiff,
  tools: Tools,
  warn: (sentence: string) => void,
  signal: AbortSignal,
): AsyncGenerator<Change> {
  if (wanted.to !== undefined && wanted.content) {
    throw new LifeboatError("usage", "'--content' does nothing between two backups", {
      hint: "Their indexes hold the SHA-256 of each file, which is always compared.",
    });
  }
  const { config } = tools;
  const inTarget = wanted.target === undefined ? {} : { target: wanted.target };
  const tell = { warn, say: (sentence: string) => tools.log.info(sentence) };
  const from = await findBackup({ id: wanted.from, ...inTarget }, tools, tell, signal);
  const to =
    wanted.to === undefined ? undefined : await findBackup({ id: wanted.to, ...inTarget }, tools, tell, signal);
  await using spool = await openReaderSpool(config.state);
  using table = new EntryTable(join(spool.folder, "entries.db"));
  await addIndex(BEFORE, from, table, spool, tools, signal);
  const rowsBefore = countsOf(from.backup.receipt);
  let rowsAfter: Counts;
  if (to) {
    await addIndex(AFTER, to, table, spool, tools, signal);
    rowsAfter = countsOf(to.backup.receipt);
  } else {
    const pending = await pendingInPlace(config.state);
    if (pending) warn(pending.sentence);
    rowsAfter = await addLiveTree(table, spool, tools, warn, signal);
  }
  const live: Live | undefined = to ? undefined : { sources: config.sources, content: wanted.content, warn };
  for (const { one: before, other: after } of table.pairs(BEFORE, AFTER)) {
    signal.throwIfAborted();
    if (live && isDump((before ?? after)?.path)) continue;
    const change = await changeOf(before, after, { rowsBefore, rowsAfter }, live, signal);
    if (change) yield change;
  }
}

const BEFORE = 0;
const AFTER = 1;

/** The rows of each database, by its printable path below the sources. */
type Counts = ReadonlyMap<string, RowCounts>;

interface Live {
  readonly sources: string;
  readonly content: boolean;
  readonly warn: (sentence: string) => void;
}

async function addIndex(
  tree: number,
  found: Found,
  table: EntryTable,
  spool: Spool,
  tools: Tools,
  signal: AbortSignal,
): Promise<void> {
  for await (const entry of readIndex(await fetchIndex(found, spool, tools, signal), tools.keys, signal)) {
    table.add(tree, entry);
  }
}

async function addLiveTree(
  table: EntryTable,
  spool: Spool,
  tools: Tools,
  warn: (sentence: string) => void,
  signal: AbortSignal,
): Promise<Counts> {
  const counts = new Map<string, RowCounts>();
  for await (const { entry, facts } of liveTree(spool, tools, warn, signal)) {
    table.add(AFTER, entry);
    if (facts) counts.set(shown(entry.path), rowsIn(facts));
  }
  return counts;
}

function countsOf({ sources }: Receipt): Counts {
  return new Map(
    sources.filter(({ kind }) => kind === "sqlite").map(({ name, facts }) => [name, rowsIn(facts)] as const),
  );
}

/** As sources/sqlite notes them; whatever else may be there counts as not counted. */
function rowsIn({ rows }: Readonly<Record<string, unknown>>): RowCounts {
  if (typeof rows !== "object" || rows === null) return {};
  return Object.fromEntries(
    Object.entries(rows).map(([table, count]) => [table, typeof count === "number" ? count : null]),
  );
}

function shown(path: Buffer): string {
  return printable(path.subarray("backup/".length));
}

async function changeOf(
  before: TreeEntry | undefined,
  after: TreeEntry | undefined,
  { rowsBefore, rowsAfter }: { readonly rowsBefore: Counts; readonly rowsAfter: Counts },
  live: Live | undefined,
  signal: AbortSignal,
): Promise<Change | undefined> {
  if (!before || !after) {
    const entry = before ?? after;
    if (!entry) return undefined;
    if (before && live && (await isLive(live.sources, before.path))) {
      live.warn(`'${shown(before.path)}' is there, but was left out of the comparison: excluded, or not readable`);
      return undefined;
    }
    return { ...placed(entry), change: before ? "removed" : "added", how: [] };
  }
  const name = shown(before.path);
  const [from, to] = [rowsBefore.get(name), rowsAfter.get(name)];
  let hasSameContent: boolean;
  try {
    hasSameContent = await isSameContent(before, after, live, signal);
  } catch (error) {
    signal.throwIfAborted();
    live?.warn(`'${name}' was not compared: ${describeError(error)}`);
    return undefined;
  }
  const isDatabase = from !== undefined || to !== undefined;
  const how = differences(before, after, { hasSameContent, isDatabase });
  if (how.length === 0) return undefined;
  const tables = from && to && !hasSameContent ? { tables: tableChanges(from, to) } : {};
  return { ...placed(after), change: "changed", how, ...tables };
}

/** Dumps of servers lie in a folder of their own in a backup; no file below the sources corresponds to them. */
function isDump(path: Buffer | undefined): boolean {
  const text = path?.toString("latin1") ?? "";
  return text === DUMPS || text.startsWith(`${DUMPS}/`);
}

const DUMPS = "backup/.databases";

function placed({ path, type }: TreeEntry): Pick<Change, "path" | "type"> {
  return { path: path.subarray("backup/".length), type };
}

async function isSameContent(
  before: TreeEntry,
  after: TreeEntry,
  live: Live | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  if (before.type !== "file" || after.type !== "file") return true;
  if (before.sizeBytes !== after.sizeBytes) return false;
  if (after.sha256 !== undefined || !live) return before.sha256 === after.sha256;
  if (before.mtimeNs === after.mtimeNs && !live.content) return true;
  return before.sha256 === (await sha256OfLive(live.sources, after.path, signal));
}
