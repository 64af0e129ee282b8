import { rmSync } from "node:fs";
import Sqlite from "better-sqlite3";
import { LifeboatError } from "../../../errors.ts";
import { isSqliteError } from "../sqlite-errors.ts";
import { chooseRows, conditionOf, type ChosenRows } from "./choose.ts";
import { requireNoNew, violationsIn } from "./foreign-keys.ts";
import type { RowsJob, TableOutcome } from "./job.ts";
import { quoted } from "./names.ts";
import { showRows } from "./show.ts";
import { hasSameKeySql, isSameSql, referringTables } from "./table.ts";
import { writeUndo } from "./undo.ts";

/**
 * Writes the wanted rows of the backup into the database, all or none, and says what it did. Rows with the same key are
 * overwritten in the columns that both tables have; other rows are left alone. Nothing cascades and, unless that is
 * wanted, no trigger fires. Throws a LifeboatError; then the database is as it was.
 */
export function restoreRows(job: RowsJob): readonly TableOutcome[] {
  const { file, chosen } = chooseRows(job);
  if (chosen.every(({ count }) => count === 0)) throw nothingMatches(chosen);
  if (!job.fireTriggers) refuseTriggers(chosen);
  const database = new Sqlite(job.database, { fileMustExist: true, timeout: job.lockTimeoutMs });
  try {
    // Cascades would change rows that nobody asked for. What refers to nothing is looked for before the commit.
    database.pragma("foreign_keys = OFF");
    database.prepare("ATTACH ? AS work").run(file);
    database.exec("BEGIN IMMEDIATE");
    const outcomes = writeAll(database, chosen, job);
    if (job.mode === "write") database.exec("COMMIT");
    return outcomes;
  } catch (error) {
    if (database.inTransaction) database.exec("ROLLBACK");
    if (job.undoFile !== undefined) rmSync(job.undoFile, { force: true });
    throw explainedWrite(error);
  } finally {
    // Also ends a rehearsal, which never commits.
    database.close();
  }
}

function writeAll(database: Sqlite.Database, chosen: readonly ChosenRows[], job: RowsJob): readonly TableOutcome[] {
  const before = chosen.map((each) => ({ ...compared(database, each, job), rows: showRows(database, each) }));
  const tables = [...new Set(chosen.flatMap(({ table }) => referringTables(database, table.name)))];
  const violations = violationsIn(database, tables);
  const isNeeded = before.some(({ added, different }) => added + different > 0);
  if (job.undoFile !== undefined && isNeeded) writeUndo(database, chosen, job.undoFile, job.undoTitle ?? "");
  for (const each of chosen) writeTable(database, each);
  requireNoNew(violations, violationsIn(database, tables));
  return chosen.map((each, at) => ({
    ...(before[at] as (typeof before)[number]),
    table: each.table.name,
    gone: each.table.gone,
    fresh: each.table.fresh,
    altered: each.count - countSame(database, each),
  }));
}

/** OR ABORT: a conflict clause in the table's own definition must neither drop nor skip a row. */
function writeTable(database: Sqlite.Database, { table: { name, columns, key }, chosen }: ChosenRows): void {
  const [target, source] = [`main.${quoted(name)}`, `work.${quoted(chosen)}`];
  const sets = columns.map((column) => `${quoted(column)} = b.${quoted(column)}`).join(", ");
  database.exec(
    `UPDATE OR ABORT ${target} AS l SET ${sets} FROM ${source} AS b ` +
      `WHERE ${hasSameKeySql(key)} AND NOT (${isSameSql(columns)})`,
  );
  database.exec(
    `INSERT OR ABORT INTO ${target} (${columns.map(quoted).join(", ")}) ` +
      `SELECT ${columns.map((column) => `b.${quoted(column)}`).join(", ")} FROM ${source} AS b ` +
      `WHERE NOT EXISTS (SELECT 1 FROM ${target} AS l WHERE ${hasSameKeySql(key)}) ORDER BY b.rowid`,
  );
}

function compared(
  database: Sqlite.Database,
  each: ChosenRows,
  { mode }: RowsJob,
): Pick<TableOutcome, "added" | "different" | "same" | "onlyLive"> {
  const { table, chosen, count } = each;
  const there = database
    .prepare(
      `SELECT count(*) FROM work.${quoted(chosen)} b WHERE EXISTS ` +
        `(SELECT 1 FROM main.${quoted(table.name)} l WHERE ${hasSameKeySql(table.key)})`,
    )
    .pluck()
    .get() as number;
  const same = countSame(database, each);
  const onlyLive = mode === "rehearse" ? countOnlyLive(database, each) : 0;
  return { added: count - there, different: there - same, same, onlyLive };
}

function countSame(database: Sqlite.Database, { table, chosen }: ChosenRows): number {
  const { name, key, columns } = table;
  const sql =
    `SELECT count(*) FROM work.${quoted(chosen)} b JOIN main.${quoted(name)} l ` +
    `ON ${hasSameKeySql(key)} AND ${isSameSql(columns)}`;
  return database.prepare(sql).pluck().get() as number;
}

/** Zero where the live table no longer knows a column of the condition. */
function countOnlyLive(database: Sqlite.Database, { table, chosen, wish }: ChosenRows): number {
  const { sql, bound } = conditionOf(wish);
  const matching = `SELECT * FROM main.${quoted(table.name)} AS ${quoted(wish.table)} WHERE ${sql}`;
  const others = `NOT EXISTS (SELECT 1 FROM work.${quoted(chosen)} b WHERE ${hasSameKeySql(table.key)})`;
  try {
    const statement = database.prepare(`SELECT count(*) FROM (${matching}) l WHERE ${others}`);
    return statement.pluck().get(...bound) as number;
  } catch (error) {
    if (isSqliteError(error, "SQLITE_ERROR")) return 0;
    throw error;
  }
}

function nothingMatches(chosen: readonly ChosenRows[]): LifeboatError {
  const tables = chosen.map(({ table }) => `'${table.name}'`).join(", ");
  return new LifeboatError("not-found", `the backup has no such row in ${tables}`, {
    hint: "Nothing was touched. An older backup may still have it: 'lifeboat list' shows them.",
  });
}

function refuseTriggers(chosen: readonly ChosenRows[]): void {
  for (const { table } of chosen) {
    if (table.triggers.length === 0) continue;
    const names = table.triggers.map((name) => `'${name}'`).join(", ");
    throw new LifeboatError(
      "usage",
      `table '${table.name}' has triggers, which would fire for restored rows: ${names}`,
      {
        hint: "Nothing was touched. If they should, say --fire-triggers. If they must not, restore the database to a folder.",
      },
    );
  }
}

function explainedWrite(error: unknown): unknown {
  if (!(error instanceof Sqlite.SqliteError)) return error;
  if (isSqliteError(error, "SQLITE_BUSY", "SQLITE_LOCKED")) {
    return new LifeboatError("failed", "the database is locked by another process", {
      cause: error,
      hint: "Nothing was written. Stop what writes to it for a moment, or try again.",
    });
  }
  if (isSqliteError(error, "SQLITE_CONSTRAINT")) {
    return new LifeboatError("failed", `a row of the backup does not fit beside the live ones: ${error.message}`, {
      cause: error.code,
      hint: "Nothing was written. Another row has taken that value since; change it there, or choose other rows.",
    });
  }
  if (isSqliteError(error, "SQLITE_READONLY", "SQLITE_CANTOPEN")) {
    return new LifeboatError("failed", "the database cannot be written to from here", {
      cause: error,
      hint: "Nothing was written. Mount its volume writable for this one command; see docs/how-to/restore-rows.md.",
    });
  }
  return new LifeboatError("failed", "SQLite cannot write the rows", { cause: error, hint: "Nothing was written." });
}
