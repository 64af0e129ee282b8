import Database from "better-sqlite3";
import type { Clock } from "../../system/clock.ts";
import type { Checked } from "./job.ts";
import { isSqliteError } from "./sqlite-errors.ts";

/**
 * Opens the private copy as an application would, checks it through and notes the facts a later restore is compared
 * with. Damage is a flaw, not a failure: a database that is corrupt at its source is worth keeping.
 * Foreign-key violations are only counted: applications live with them.
 */
export function checkCopy(copy: string, clock: Clock): Checked {
  const database = new Database(copy, { fileMustExist: true, timeout: 0 });
  try {
    const integrity = checkIntegrity(database);
    return { flaws: integrity.flaws, facts: { check: integrity.check, ...noteFacts(database, clock) } };
  } catch (error) {
    if (!(error instanceof Database.SqliteError)) throw error;
    return { flaws: [`SQLite cannot read it: ${error.message} (${error.code})`], facts: { check: "failed" } };
  } finally {
    database.close();
  }
}

const MAX_FINDINGS = 5;

function checkIntegrity(database: Database.Database): { check: string; flaws: readonly string[] } {
  try {
    return { check: "integrity_check", flaws: findings(database, "integrity_check") };
  } catch (error) {
    if (!isSqliteError(error, "SQLITE_ERROR")) throw error;
    // The schema uses functions or collations that only the application has: indexes cannot be compared without them.
    return {
      check: `quick_check (${error instanceof Error ? error.message : ""})`,
      flaws: findings(database, "quick_check"),
    };
  }
}

function findings(database: Database.Database, check: string): readonly string[] {
  const lines = database.prepare(`PRAGMA ${check}(${MAX_FINDINGS})`).pluck().all().map(String);
  if (lines.length === 1 && lines[0] === "ok") return [];
  return lines.map((line) => `SQLite's ${check}: ${line.replaceAll("\n", " / ").slice(0, MAX_LINE)}`);
}

const MAX_LINE = 300;

function noteFacts(database: Database.Database, clock: Clock): Record<string, unknown> {
  const pragma = (name: string) => database.pragma(name, { simple: true });
  return {
    pageSize: pragma("page_size"),
    pageCount: pragma("page_count"),
    userVersion: pragma("user_version"),
    applicationId: pragma("application_id"),
    encoding: pragma("encoding"),
    foreignKeyViolations: countForeignKeyViolations(database),
    ...countRows(database, clock),
  };
}

/** Null if SQLite cannot tell, for instance because a parent table lacks the key. */
function countForeignKeyViolations(database: Database.Database): number | null {
  let count = 0;
  try {
    for (const _ of database.prepare("PRAGMA foreign_key_check").iterate()) count += 1;
  } catch (error) {
    if (error instanceof Database.SqliteError) return null;
    throw error;
  }
  return count;
}

const MAX_TABLES = 500;
const MAX_NAME = 200;
/** Counting reads every table once more; facts are not worth a longer run. */
const COUNT_BUDGET_MS = 10_000;

/** Rows per table; null for one that cannot be counted (damaged, or the time was up). Virtual tables are left out. */
function countRows(database: Database.Database, clock: Clock): { tables: number; rows: Record<string, number | null> } {
  const tables = database
    .prepare(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )
    .pluck()
    .all()
    .map(String);
  const endsAt = clock.elapsedMs() + COUNT_BUDGET_MS;
  const counted = tables.slice(0, MAX_TABLES).map((table): [string, number | null] => {
    const key = table.slice(0, MAX_NAME);
    return [key, clock.elapsedMs() < endsAt ? rowsIn(database, table) : null];
  });
  return { tables: tables.length, rows: Object.fromEntries(counted) };
}

function rowsIn(database: Database.Database, table: string): number | null {
  try {
    return database
      .prepare(`SELECT count(*) FROM "${table.replaceAll('"', '""')}"`)
      .pluck()
      .get() as number;
  } catch (error) {
    // A damaged table: the integrity check has told about it.
    if (error instanceof Database.SqliteError) return null;
    throw error;
  }
}
