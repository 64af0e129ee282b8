import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { LifeboatError } from "../../errors.ts";
import { explained, PostgresError } from "./failure.ts";
import { psqlArgs } from "./psql-args.ts";
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

/** Words for what is done, and the SQL that does it. */
export interface Act {
  /** Completes "cannot … of PostgreSQL server". */
  readonly what: string;
  readonly sql: string;
}

/**
 * Runs SQL statements with psql, each in a transaction of its own unless they say BEGIN. They go over standard input:
 * anyone may read arguments. Resolves when all are done; stops at the first that fails, and rejects with a PostgresError
 * that has no statement in it.
 */
export async function runSql(server: PostgresServer, database: string, act: Act, signal: AbortSignal): Promise<void> {
  await psql(server, database, act, signal);
}

/** The one JSON value that the SQL selects, however long it takes. Rejects as `runSql` does. */
export async function selectJson(
  server: PostgresServer,
  database: string,
  sql: string,
  signal: AbortSignal,
): Promise<unknown> {
  return JSON.parse(await psql(server, database, { what: `look into database '${database}'`, sql }, signal)) as unknown;
}

async function psql(
  server: PostgresServer,
  database: string,
  { what, sql }: Act,
  signal: AbortSignal,
): Promise<string> {
  const args = psqlArgs("terse", ["--tuples-only", "--no-align"]);
  const input = Readable.from([`SET client_encoding = 'UTF8';\n${sql}\n`], { objectMode: false });
  const program = server.start({ program: "psql", args, database, input }, signal);
  try {
    const answer = await text(program.stdout);
    await program.done;
    return answer;
  } catch (error) {
    signal.throwIfAborted();
    // The end of its output says less than its own end.
    const failure: unknown = await program.done.then(
      () => error,
      (reason: unknown) => reason,
    );
    if (failure instanceof PostgresError || !(failure instanceof LifeboatError)) throw failure;
    throw explained(failure, what, server);
  }
}
