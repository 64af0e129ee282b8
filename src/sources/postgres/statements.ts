/**
 * The statements of SQL that pg_dumpall or pg_restore wrote, without comments and psql's own commands. Knows quoted
 * texts and names, and no dollar quotes: those are in functions only.
 */
export function statementsIn(sql: string): readonly string[] {
  const statements: string[] = [];
  let statement = "";
  for (const [token] of sql.matchAll(TOKENS)) {
    if (token.startsWith("--") || (token.startsWith("\\") && statement.trim() === "")) continue;
    if (token !== ";") {
      statement += token;
    } else if (statement.trim() !== "") {
      statements.push(`${statement.trim()};`);
      statement = "";
    }
  }
  return statements;
}

const TOKENS = /--[^\n]*|\\[^\n]*|'(?:[^']|'')*'|"(?:[^"]|"")*"|;|[^'";\\-]+|[-'"]/g;

/** A name as pg_dump writes it, quoted or not. For a regular expression. */
export const NAME = String.raw`(?:"(?:[^"]|"")*"|[^\s";.,()]+)`;

/** What a written name stands for. */
export function nameOf(written: string): string {
  return written.startsWith('"') ? written.slice(1, -1).replaceAll('""', '"') : written;
}
