import type Database from "better-sqlite3";
import { quoted } from "./rows/names.ts";
import { lackedBySqlite } from "./sqlite-errors.ts";
import { tablesIn, type Table } from "./tables.ts";
import { Verdict } from "./verdict.ts";

/**
 * Looks at every page of the file and at every row, and at the inverted indexes and trees of virtual tables; not at
 * whether the other indexes agree with their tables. Changes nothing in the file. Throws what SQLite says of a file that
 * it cannot read.
 *
 * SQLite refuses to check any of a schema that names a function, collation or tokenizer that only the application has.
 * Then no CHECK is looked at; and if that is not enough, those tables are looked at as bare trees of pages.
 */
export function checkStructure(database: Database.Database): Verdict {
  const modules = modulesNotHere(database);
  const verdict = new Verdict(modules);
  try {
    return quickCheck(database, verdict);
  } catch (error) {
    const rules = `CHECK constraints: ${lackedBySqlite(error)}`;
    database.pragma("ignore_check_constraints = ON");
    try {
      return quickCheck(database, new Verdict([...modules, rules]));
    } catch (second) {
      lackedBySqlite(second);
      return checkWithoutApplication(database, new Verdict(modules));
    }
  }
}

/** SQLite's own check passes over a virtual table of which it does not know the module. */
function modulesNotHere(database: Database.Database): readonly string[] {
  return tablesIn(database).flatMap(({ name, type }) => {
    if (type !== "virtual") return [];
    try {
      database.prepare(`SELECT 1 FROM ${quoted(name)}`);
      return [];
    } catch (error) {
      return [aboutVirtual(name, lackedBySqlite(error))];
    }
  });
}

function aboutVirtual(name: string, lacking: string): string {
  return `virtual table '${name}': ${lacking}`;
}

/**
 * SQLite looks at the pages before the rows. So this many rows that break rules do not hide a page that is damaged; and
 * what it says of a file that is nothing but damage fits into memory.
 */
const MAX_LINES = 100_000;

function quickCheck(database: Database.Database, verdict: Verdict, table?: string): Verdict {
  let lines = 0;
  const argument = table === undefined ? MAX_LINES : quoted(table);
  for (const line of database.prepare(`PRAGMA quick_check(${argument})`).pluck().iterate()) {
    verdict.add("quick_check", String(line));
    lines += 1;
  }
  if (lines >= MAX_LINES) verdict.notChecked.add(`the rest, after ${MAX_LINES} rows that break rules of the schema`);
  return verdict;
}

function checkWithoutApplication(database: Database.Database, verdict: Verdict): Verdict {
  const bare = tablesIn(database).filter((table) => {
    try {
      if (table.type === "virtual") quickCheck(database, verdict, table.name);
      else database.prepare(`PRAGMA quick_check(${quoted(table.name)})`);
      // A virtual table has no pages of its own, and cannot be left where others are looked at without the application.
      return table.type === "virtual";
    } catch (error) {
      const lacking = lackedBySqlite(error);
      const isVirtual = table.type === "virtual";
      verdict.notChecked.add(
        isVirtual ? aboutVirtual(table.name, lacking) : `rules of table '${table.name}': ${lacking}`,
      );
      return true;
    }
  });
  return withBareTables(database, bare, () => quickCheck(database, verdict));
}

/**
 * Does `work` on a schema in which these tables have no rules, no collations and one column. That schema exists in the
 * memory of this connection alone: the transaction is rolled back, and nothing of it is written before.
 */
function withBareTables<Result>(database: Database.Database, tables: readonly Table[], work: () => Result): Result {
  if (database.pragma("journal_mode", { simple: true }) !== "wal") database.pragma("journal_mode = MEMORY");
  database.pragma("cache_spill = OFF");
  database.unsafeMode(true);
  database.exec("BEGIN IMMEDIATE; PRAGMA writable_schema = ON");
  try {
    for (const table of tables) makeBare(database, table);
    database.pragma("writable_schema = RESET");
    return work();
  } finally {
    // Some errors have rolled it back already.
    if (database.inTransaction) database.exec("ROLLBACK");
    database.pragma("writable_schema = RESET");
    database.unsafeMode(false);
  }
}

function makeBare(database: Database.Database, { name, type, withoutRowid }: Table): void {
  if (type === "virtual") {
    database.prepare("DELETE FROM sqlite_schema WHERE type = 'table' AND name = ?").run(name);
    return;
  }
  const columns = withoutRowid ? "(x PRIMARY KEY) WITHOUT ROWID" : "(x)";
  const set = "UPDATE sqlite_schema SET sql = ";
  database.prepare(`${set}? WHERE type = 'table' AND name = ?`).run(`CREATE TABLE ${quoted(name)}${columns}`, name);
  database
    .prepare(
      `${set}format('CREATE INDEX "%w" ON "%w" (x)', name, tbl_name) WHERE type = 'index' AND lower(tbl_name) = lower(?)`,
    )
    .run(name);
}
