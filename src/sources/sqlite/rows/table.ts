import type Database from "better-sqlite3";
import { LifeboatError } from "../../../errors.ts";
import { folded, quoted } from "./names.ts";

/** A table on both sides, and how its rows are told apart. */
export interface SharedTable {
  /** As the live database writes it. */
  readonly name: string;
  /** Columns that are in both and can be written, by the live table's names. */
  readonly columns: readonly string[];
  /** Among `columns`: the primary key, or else a unique index. */
  readonly key: readonly string[];
  readonly gone: readonly string[];
  readonly fresh: readonly string[];
  readonly triggers: readonly string[];
}

/** Rejects with "not-found" if one side has no such table, with "usage" if its rows cannot be restored one by one. */
export function sharedTable(backup: Database.Database, live: Database.Database, table: string): SharedTable {
  const name = requireTable(live, table, "the live database");
  const before = columnsOf(backup, requireTable(backup, table, "the backup"));
  const now = columnsOf(live, name);
  const had = new Set(before.map((column) => folded(column.name)));
  const has = new Set(now.map((column) => folded(column.name)));
  const writable = now.filter((column) => !column.generated);
  const columns = writable.filter((column) => had.has(folded(column.name))).map((column) => column.name);
  const generatedBefore = new Set(before.filter((column) => column.generated).map((column) => folded(column.name)));
  return {
    name,
    columns,
    key: keyOf(live, name, now, new Set(columns)),
    gone: before
      .map((column) => column.name)
      .filter((one) => !has.has(folded(one)) && !generatedBefore.has(folded(one))),
    fresh: writable.map((column) => column.name).filter((one) => !had.has(folded(one))),
    triggers: live
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE ORDER BY name")
      .pluck()
      .all(name)
      .map(String),
  };
}

/** The tables whose rows may refer to a row of `table`, itself included. */
export function referringTables(live: Database.Database, table: string): readonly string[] {
  const referring = live
    .prepare(
      "SELECT DISTINCT m.name FROM sqlite_schema m, pragma_foreign_key_list(m.name) f " +
        `WHERE m.type = 'table' AND f."table" = ? COLLATE NOCASE`,
    )
    .pluck()
    .all(table)
    .map(String);
  return [...new Set([table, ...referring])];
}

function requireTable(database: Database.Database, table: string, where: string): string {
  const found = database
    .prepare<[string], { name: string; type: string }>(
      "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND name = ? COLLATE NOCASE",
    )
    .get(table);
  if (!found || folded(found.name).startsWith("sqlite_")) {
    const names = database
      .prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1",
      )
      .pluck()
      .all();
    throw new LifeboatError("not-found", `there is no table '${table}' in ${where}`, {
      hint: `There are: ${names.slice(0, 50).join(", ")}.`,
    });
  }
  if (found.type === "table") return found.name;
  throw new LifeboatError("usage", `'${table}' is a ${found.type} in ${where}, not a table of its own`, {
    hint: "Name the table that its rows lie in.",
  });
}

interface Column {
  readonly name: string;
  /** Its place in the primary key, from 1; 0 if it is no part of it. */
  readonly pk: number;
  readonly generated: boolean;
}

function columnsOf(database: Database.Database, table: string): readonly Column[] {
  return database
    .prepare<[string], { name: string; pk: number; hidden: number }>(
      "SELECT name, pk, hidden FROM pragma_table_xinfo(?)",
    )
    .all(table)
    .map(({ name, pk, hidden }) => ({ name, pk, generated: hidden > 1 }));
}

/** A unique index serves where there is no primary key: rows without one could not be told apart. */
function keyOf(
  live: Database.Database,
  table: string,
  columns: readonly Column[],
  shared: ReadonlySet<string>,
): readonly string[] {
  const primary = columns.filter(({ pk }) => pk > 0).sort((a, b) => a.pk - b.pk);
  if (primary.length > 0) {
    const missing = primary.find(({ name }) => !shared.has(name));
    if (!missing) return primary.map(({ name }) => name);
    throw new LifeboatError(
      "usage",
      `the backup's table '${table}' has no column '${missing.name}', which is in its key`,
      {
        hint: BY_HAND,
      },
    );
  }
  const indexes = live
    .prepare<[string], { name: string }>('SELECT name FROM pragma_index_list(?) WHERE "unique" AND NOT partial')
    .all(table);
  for (const { name } of indexes) {
    const key = live.prepare("SELECT name FROM pragma_index_info(?) ORDER BY seqno").pluck().all(name);
    if (key.every((column) => typeof column === "string" && shared.has(column))) return key as string[];
  }
  throw new LifeboatError("usage", `table '${table}' has neither a primary key nor a unique index`, { hint: BY_HAND });
}

const BY_HAND = "Its rows cannot be told apart. Restore the database to a folder (restore --to), and copy by hand.";

/** True of every column: "l" is the live row, "b" the backup's. Byte by byte, and of the same type. */
export function isSameSql(columns: readonly string[]): string {
  return columns
    .map(quoted)
    .map((name) => `(l.${name} COLLATE BINARY IS b.${name} AND typeof(l.${name}) = typeof(b.${name}))`)
    .join(" AND ");
}

/** As the key's own index compares, so that it is used. */
export function hasSameKeySql(key: readonly string[]): string {
  return key
    .map(quoted)
    .map((name) => `l.${name} IS b.${name}`)
    .join(" AND ");
}
