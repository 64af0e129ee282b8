import { LifeboatError } from "../../../errors.ts";

/**
 * Throws "usage" for a text that could leave the parentheses it is put into: one with a comment, a semicolon, or a
 * parenthesis that it did not open. Whether it is an expression over the table's columns, the server says.
 */
export function requireClosed(table: string, sql: string): void {
  const problem = problemOf(sql);
  if (problem !== undefined) throw notAnExpression(table, sql, problem);
}

export function notAnExpression(table: string, sql: string, why: string, cause?: unknown): LifeboatError {
  return new LifeboatError("usage", `'${sql}' is no condition for the rows of '${table}': ${why}`, {
    ...(cause === undefined ? {} : { cause }),
    hint:
      "Give one SQL expression, such as \"nick = 'toast'\": text in single quotes, columns without or in double ones; " +
      "'true' means all rows.",
  });
}

function problemOf(sql: string): string | undefined {
  if (sql.trim() === "") return "it is empty";
  if (sql.includes("\0")) return "it has a NUL in it";
  let depth = 0;
  for (const [token] of sql.matchAll(TOKENS)) {
    if (token === "--" || token === "/*") return "it has a comment";
    if (token === ";") return "it has a semicolon";
    if (token === "(") depth += 1;
    if (token === ")") depth -= 1;
    if (depth < 0) return "it closes a parenthesis that it does not open";
    if (token === "$") return "it has a '$' outside of quotes";
    if (token === "e'" || token === "E'") return "it has a string with escapes (E'…')";
    if (token === "'" || token === '"') return "a quote is not closed";
  }
  return depth > 0 ? "a parenthesis is not closed" : undefined;
}

/** Strings and quoted names as a whole; a quote by itself is one that never ends. A doubled quote begins the next. */
const TOKENS = /\b[eE]'|'[^']*'|"[^"]*"|--|\/\*|[\s\S]/g;
