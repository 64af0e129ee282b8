import type Database from "better-sqlite3";
import { folded, quoted } from "./rows/names.ts";
import { lackedBySqlite } from "./sqlite-errors.ts";
import { columnsOf, indexesOf, tablesIn, type Index, type Table } from "./tables.ts";
import { Verdict } from "./verdict.ts";

/** A part of the rows: the `at`-th of `of`, counted from 0. */
export interface Slice {
  readonly at: number;
  readonly of: number;
}

/**
 * Compares the indexes with their tables, as far as rows of `slice` go: each row must be found in each. That an index has
 * as many entries as its table has rows, the check of the structure has seen to.
 *
 * Plain indexes are compared by a query of our own, which can be given a slice; SQLite's `integrity_check` does a whole
 * table or nothing. It has the last word about a table in which the query has found something, and the only one about
 * other kinds of indexes: those fall to one of the slices.
 */
export function compareIndexes(database: Database.Database, slice: Slice): Verdict {
  const verdict = new Verdict();
  for (const [ordinal, table] of tablesIn(database).entries()) {
    const isOurs = ordinal % slice.of === slice.at;
    if (table.type === "virtual") continue;
    const compared = indexesOf(database, table.name).map((index) => ({
      index,
      comparison: comparisonOf(database, table, index),
    }));
    if (compared.every(({ comparison }) => comparison) || !canBeChecked(database, table, compared, verdict)) {
      for (const { index, comparison } of compared) {
        if (comparison && findsMissing(database, table, comparison, slice)) askSqlite(database, table, index, verdict);
      }
    } else if (isOurs) {
      askSqlite(database, table, undefined, verdict);
    }
  }
  return verdict;
}

interface Compared {
  readonly index: Index;
  /** Undefined: only SQLite itself can do it. */
  readonly comparison: Database.Statement<[bigint, bigint]> | undefined;
}

/** False, and told, if some of the indexes need what only the application has. */
function canBeChecked(
  database: Database.Database,
  { name }: Table,
  compared: readonly Compared[],
  verdict: Verdict,
): boolean {
  try {
    database.prepare(`PRAGMA integrity_check(${quoted(name)})`);
    return true;
  } catch (error) {
    const lacking = lackedBySqlite(error);
    for (const { index, comparison } of compared) {
      if (!comparison) verdict.notChecked.add(`index '${index.name}' of table '${name}': ${lacking}`);
    }
    return false;
  }
}

/** Finds a row between two that is not in the index, or, in a unique index, is there beside another. */
function comparisonOf(database: Database.Database, table: Table, index: Index): Compared["comparison"] {
  const rowid = rowidOf(database, table);
  const isPlain = index.columns.every(({ name, collation }) => name !== null && collation === "BINARY");
  if (rowid === undefined || index.partial || !isPlain) return undefined;
  const names = index.columns.map(({ name }) => quoted(name ?? ""));
  const matches = names.map((name) => `e.${name} IS r.${name} COLLATE BINARY`).join(" AND ");
  const entries = `SELECT e.${rowid} FROM ${quoted(table.name)} AS e INDEXED BY ${quoted(index.name)} WHERE ${matches}`;
  const missing = `NOT EXISTS (${entries} AND e.${rowid} = r.${rowid})`;
  const unwanted = index.unique
    ? `CASE WHEN ${names.map((name) => `r.${name} IS NULL`).join(" OR ")} THEN ${missing} ` +
      `ELSE r.${rowid} IS NOT (${entries} LIMIT 1) END`
    : missing;
  try {
    return database.prepare(
      `SELECT 1 FROM ${quoted(table.name)} AS r NOT INDEXED WHERE r.${rowid} BETWEEN ? AND ? AND ${unwanted} LIMIT 1`,
    );
  } catch (error) {
    lackedBySqlite(error);
    return undefined;
  }
}

/** A name of the row's key that no column has taken; undefined if there is none. */
function rowidOf(database: Database.Database, { name, withoutRowid }: Table): string | undefined {
  if (withoutRowid) return undefined;
  const taken = new Set(columnsOf(database, name).map(folded));
  return ["rowid", "_rowid_", "oid"].find((candidate) => !taken.has(candidate));
}

function findsMissing(
  database: Database.Database,
  table: Table,
  comparison: Database.Statement<[bigint, bigint]>,
  { at, of }: Slice,
): boolean {
  const rowid = rowidOf(database, table);
  const [lowest, highest] = database
    .prepare<[], [bigint | null, bigint | null]>(
      `SELECT (SELECT min(${rowid}) FROM ${quoted(table.name)}), (SELECT max(${rowid}) FROM ${quoted(table.name)})`,
    )
    .safeIntegers()
    .raw()
    .get() ?? [null, null];
  if (lowest === null || highest === null) return false;
  const width = (highest - lowest) / BigInt(of) + 1n;
  const from = lowest + width * BigInt(at);
  const to = from + width - 1n;
  if (from > highest) return false;
  return comparison.get(from, to < highest ? to : highest) !== undefined;
}

/** What SQLite says of a table and all of its indexes. `index` is known not to agree with the table. */
function askSqlite(database: Database.Database, { name }: Table, index: Index | undefined, verdict: Verdict): void {
  let lines = 0;
  let damage = 0;
  try {
    for (const line of database
      .prepare(`PRAGMA integrity_check(${quoted(name)})`)
      .pluck()
      .iterate()) {
      if (verdict.add("integrity_check", String(line))) damage += 1;
      lines += 1;
    }
    // Below that it has seen all of the table; there it may have stopped at rows that break rules.
    if (lines < MAX_LINES || damage > 0) return;
    verdict.notChecked.add(`all indexes of table '${name}': too many of its rows break rules of the schema`);
  } catch (error) {
    const lacking = lackedBySqlite(error);
    if (!index) verdict.notChecked.add(`all indexes of table '${name}': ${lacking}`);
  }
  if (index) verdict.damage.add(`index '${index.name}' does not have each row of table '${name}' once`);
}

/** SQLite's own limit for one table, which cannot be set. */
const MAX_LINES = 100;
