import type Database from "better-sqlite3";

export interface Table {
  readonly name: string;
  /** "shadow": an ordinary one that belongs to a virtual one. */
  readonly type: "table" | "virtual" | "shadow";
  readonly withoutRowid: boolean;
}

/** All of the main database but the schema itself. */
export function tablesIn(database: Database.Database): readonly Table[] {
  return database
    .prepare<[], { name: string; type: Table["type"] | "view"; wr: number }>("PRAGMA main.table_list")
    .all()
    .flatMap(({ name, type, wr }) => {
      if (type === "view" || name === "sqlite_schema") return [];
      return [{ name, type, withoutRowid: wr === 1 }];
    });
}

export interface Index {
  readonly name: string;
  readonly unique: boolean;
  /** Of some of the rows only. */
  readonly partial: boolean;
  /** In their order, the row's key at the end left out; null for an expression. */
  readonly columns: readonly { readonly name: string | null; readonly collation: string }[];
}

/** The indexes of a table, those that constraints have made included. */
export function indexesOf(database: Database.Database, table: string): readonly Index[] {
  return database
    .prepare<[string], { name: string; unique: number; partial: number }>(
      `SELECT name, "unique", partial FROM pragma_index_list(?, 'main')`,
    )
    .all(table)
    .map(({ name, unique, partial }) => ({
      name,
      unique: unique === 1,
      partial: partial === 1,
      columns: database
        .prepare<[string], { name: string | null; collation: string }>(
          "SELECT name, coll AS collation FROM pragma_index_xinfo(?, 'main') WHERE key = 1 ORDER BY seqno",
        )
        .all(name),
    }));
}

/** All names that SQLite knows a column of the table by. */
export function columnsOf(database: Database.Database, table: string): readonly string[] {
  return database.prepare<[string]>("SELECT name FROM pragma_table_xinfo(?, 'main')").pluck().all(table).map(String);
}
