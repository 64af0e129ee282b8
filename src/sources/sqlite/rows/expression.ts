import type Database from "better-sqlite3";
import Sqlite from "better-sqlite3";
import { LifeboatError } from "../../../errors.ts";
import { quoted } from "./names.ts";

/**
 * Rejects, with "usage", what is not one expression over the table's columns. `database` is a connection that may only
 * read. Whatever the text is, it cannot leave the parentheses it is put into: it has no comments, no semicolon, and
 * closes no parenthesis that it did not open.
 */
export function requireExpression(database: Database.Database, table: string, sql: string): void {
  const problem = problemOf(sql);
  if (problem !== undefined) throw notAnExpression(table, sql, problem);
  try {
    const statement = database.prepare(`SELECT 1 FROM ${quoted(table)} WHERE (${sql}\n)`);
    if (!statement.reader || !statement.readonly) throw notAnExpression(table, sql, "it is a statement");
    // Binds nothing: a parameter has nobody to give it a value.
    statement.get();
  } catch (error) {
    if (error instanceof Sqlite.SqliteError) throw notAnExpression(table, sql, error.message);
    if (error instanceof RangeError) throw notAnExpression(table, sql, "it has parameters");
    throw error;
  }
}

function problemOf(sql: string): string | undefined {
  if (sql.trim() === "") return "it is empty";
  let depth = 0;
  for (const [token] of sql.matchAll(TOKENS)) {
    if (token === "--" || token === "/*") return "it has a comment";
    if (token === ";") return "it has a semicolon";
    if (token === "(") depth += 1;
    if (token === ")") depth -= 1;
    if (depth < 0) return "it closes a parenthesis that it does not open";
    if (/^['"`[]$/.test(token)) return "a quote is not closed";
  }
  return depth > 0 ? "a parenthesis is not closed" : undefined;
}

/** Strings and quoted names as a whole; a quote by itself is one that never ends. A doubled quote begins the next. */
const TOKENS = /'[^']*'|"[^"]*"|`[^`]*`|\[[^\]]*\]|--|\/\*|[\s\S]/g;

function notAnExpression(table: string, sql: string, why: string): LifeboatError {
  return new LifeboatError("usage", `'${sql}' is no condition for the rows of '${table}': ${why}`, {
    hint: "Give one SQL expression, such as \"nick = 'toast'\": text in single quotes, columns without or in double ones.",
  });
}
