import { Readable } from "node:stream";
import { LifeboatError } from "../../errors.ts";
import { explained, PostgresError } from "./failure.ts";
import { runToEnd } from "./output.ts";
import type { PostgresServer } from "./server.ts";

/** A name as SQL wants it, whatever is in it. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as SQL wants it; safe with any setting of standard_conforming_strings. */
export function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes("\\") ? ` E${quoted.replaceAll("\\", "\\\\")}` : quoted;
}

/**
 * Runs SQL statements with psql, each in a transaction of its own unless they say BEGIN. They go over standard input:
 * anyone may read arguments. Resolves when all are done; stops at the first that fails, and rejects with a PostgresError
 * that begins with `what` (as in "cannot … of PostgreSQL server") and has no statement in it.
 */
export async function runSql(
  server: PostgresServer,
  database: string,
  { what, sql }: { readonly what: string; readonly sql: string },
  signal: AbortSignal,
): Promise<void> {
  // terse: without the line of the statement, which may have a password's hash in it.
  const settings = ["ON_ERROR_STOP=1", "VERBOSITY=terse", "SHOW_CONTEXT=never"].map((one) => `--set=${one}`);
  const args = ["--no-psqlrc", "--no-password", "--quiet", "--output=/dev/null", ...settings, "--file=-"];
  const input = Readable.from([`SET client_encoding = 'UTF8';\n${sql}\n`], { objectMode: false });
  try {
    await runToEnd(server, { program: "psql", args, database, input }, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof LifeboatError && !(error instanceof PostgresError) ? explained(error, what, server) : error;
  }
}
