import Database from "better-sqlite3";
import type { Clock } from "../../system/clock.ts";
import { quoted } from "./rows/names.ts";

/**
 * What a later restore is compared with. Foreign-key violations are only counted: applications live with them.
 */
export function noteFacts(database: Database.Database, clock: Clock): Record<string, unknown> {
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
      .prepare(`SELECT count(*) FROM ${quoted(table)}`)
      .pluck()
      .get() as number;
  } catch (error) {
    // A damaged table: the check has told about it.
    if (error instanceof Database.SqliteError) return null;
    throw error;
  }
}
