import type { TreeEntry } from "../../archive/entry-table.ts";

/** One respect in which a file is not what it was. Values as a person reads them. */
export interface Difference {
  readonly what: "type" | "content" | "size" | "mode" | "owner" | "time" | "link";
  readonly before?: string;
  readonly after?: string;
}

/** Rows per table; null for a table that was not counted. */
export type RowCounts = Readonly<Record<string, number | null>>;

/** A table that has another number of rows. Undefined: there is no such table. */
export interface TableChange {
  readonly table: string;
  readonly before?: number;
  readonly after?: number;
}

/**
 * How `after` differs from `before`. The times of folders are left out: they follow from what was added to them and
 * removed. So are those of databases (`isDatabase`), which checkpoints move.
 */
export function differences(
  before: TreeEntry,
  after: TreeEntry,
  { hasSameContent, isDatabase }: { readonly hasSameContent: boolean; readonly isDatabase: boolean },
): readonly Difference[] {
  if (before.type !== after.type) return [{ what: "type", before: before.type, after: after.type }];
  const found: Difference[] = [];
  const compare = (what: Difference["what"], from: string, to: string) => {
    if (from !== to) found.push({ what, before: from, after: to });
  };
  if (before.type === "file") {
    if (!hasSameContent) found.push({ what: "content" });
    compare("size", String(before.sizeBytes), String(after.sizeBytes));
  }
  compare("link", (before.linkTarget ?? NONE).toString("latin1"), (after.linkTarget ?? NONE).toString("latin1"));
  // Those of a symlink mean nothing.
  if (before.type !== "symlink") compare("mode", octal(before.mode), octal(after.mode));
  compare("owner", `${before.uid}:${before.gid}`, `${after.uid}:${after.gid}`);
  if (before.type !== "folder" && !isDatabase) compare("time", iso(before.mtimeNs), iso(after.mtimeNs));
  return found.map((one) => (one.what === "link" ? shownLink(before, after) : one));
}

/** The tables whose numbers of rows differ, by name. Tables that either side did not count are left out. */
export function tableChanges(before: RowCounts, after: RowCounts): readonly TableChange[] {
  const tables = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return tables.flatMap((table) => {
    const [from, to] = [before[table], after[table]];
    if (from === null || to === null || from === to) return [];
    return [{ table, ...(from === undefined ? {} : { before: from }), ...(to === undefined ? {} : { after: to }) }];
  });
}

const NONE = Buffer.alloc(0);

/** Compared byte by byte, shown as text. */
function shownLink(before: TreeEntry, after: TreeEntry): Difference {
  const text = (entry: TreeEntry) => (entry.linkTarget ?? NONE).toString("utf8");
  return { what: "link", before: text(before), after: text(after) };
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** With nanoseconds: "2026-02-14T02:00:00.123456789Z". */
function iso(timeNs: bigint): string {
  const BILLION = 1_000_000_000n;
  const fraction = ((timeNs % BILLION) + BILLION) % BILLION;
  const seconds = new Date(Number((timeNs - fraction) / 1_000_000n)).toISOString().slice(0, 19);
  return `${seconds}.${String(fraction).padStart(9, "0")}Z`;
}
