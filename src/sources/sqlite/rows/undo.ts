import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import type Sqlite from "better-sqlite3";
import type { ChosenRows } from "./choose.ts";
import { quoted } from "./names.ts";
import { hasSameKeySql, isSameSql } from "./table.ts";

/**
 * Writes the SQL that undoes what is about to be written: each row that is overwritten, as it is now, and a DELETE for
 * each row that is added. On disk when this returns. For its owner's eyes only: these are the rows themselves.
 */
export function writeUndo(database: Sqlite.Database, rows: readonly ChosenRows[], path: string, title: string): void {
  const file = openSync(path, "wx", 0o600);
  try {
    writeSync(file, `-- ${title.replace(/\s+/g, " ")}\n-- sqlite3 DATABASE < this file\n`);
    writeSync(file, "PRAGMA foreign_keys = OFF;\nBEGIN IMMEDIATE;\n");
    for (const each of rows) {
      for (const sql of [overwritten(each), added(each)]) {
        for (const line of database.prepare(sql).pluck().iterate()) writeSync(file, `${String(line)}\n`);
      }
    }
    writeSync(file, "COMMIT;\n");
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function overwritten({ table: { name, columns, key }, chosen }: ChosenRows): string {
  const sets = columns.map((column) => `${text(`${quoted(column)} = `)} || ${literal(`l.${quoted(column)}`)}`);
  return (
    `SELECT ${text(`UPDATE ${quoted(name)} SET `)} || ${sets.join(" || ', ' || ")} || ${whereKey(key, "l")} ` +
    `FROM work.${quoted(chosen)} b JOIN main.${quoted(name)} l ON ${hasSameKeySql(key)} WHERE NOT (${isSameSql(columns)})`
  );
}

function added({ table: { name, key }, chosen }: ChosenRows): string {
  return (
    `SELECT ${text(`DELETE FROM ${quoted(name)}`)} || ${whereKey(key, "b")} FROM work.${quoted(chosen)} b ` +
    `WHERE NOT EXISTS (SELECT 1 FROM main.${quoted(name)} l WHERE ${hasSameKeySql(key)})`
  );
}

function whereKey(key: readonly string[], side: "l" | "b"): string {
  const parts = key.map((column) => `${text(`${quoted(column)} IS `)} || ${literal(`${side}.${quoted(column)}`)}`);
  return `' WHERE ' || ${parts.join(" || ' AND ' || ")} || ';'`;
}

function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

/** SQL that gives a value as SQL. Text is readable where it is plain ASCII, else its bytes, which nothing can change. */
function literal(value: string): string {
  const isPlain = `${value} NOT GLOB '*[^ -~]*' AND length(${value}) = length(CAST(${value} AS BLOB))`;
  return (
    `CASE WHEN typeof(${value}) <> 'text' OR (${isPlain}) THEN quote(${value}) ` +
    `ELSE 'CAST(x''' || hex(${value}) || ''' AS TEXT)' END`
  );
}
