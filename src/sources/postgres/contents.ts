import { printDump, type DumpFile } from "./dump-file.ts";
import { literal, selectJson } from "./sql.ts";
import type { PostgresServer } from "./server.ts";

/** How much a dump brings. */
export interface Contents {
  /** Each table's name as SQL has it, with the number of rows. */
  readonly rows: ReadonlyMap<string, number>;
  readonly largeObjects: number;
}

/** Counts what a dump brings by reading all of it, or what is on a list for `--use-list`. */
export async function contentsOf(dump: DumpFile, signal: AbortSignal, list?: string): Promise<Contents> {
  const args = ["--data-only", ...(list === undefined ? [] : [`--use-list=${list}`])];
  const program = printDump(dump, args, signal);
  const rows = new Map<string, number>();
  let largeObjects = 0;
  let table: string | undefined;
  let statement = "";
  for await (const line of linesOf(program.stdout as AsyncIterable<Buffer>)) {
    if (table !== undefined) {
      if (line.length === 2 && line.toString("latin1") === "\\.") table = undefined;
      else rows.set(table, (rows.get(table) ?? 0) + 1);
      continue;
    }
    const said = line.toString("utf8");
    if (said.startsWith("SELECT pg_catalog.lo_open(")) largeObjects += 1;
    // A quoted name may go over several lines.
    statement = statement === "" ? (said.startsWith("COPY ") ? said : "") : `${statement}\n${said}`;
    const [, name] = COPY.exec(statement) ?? [];
    if (name === undefined) continue;
    rows.set((table = name), 0);
    statement = "";
  }
  await program.done;
  return { rows, largeObjects };
}

const COPY = /^COPY ((?:"(?:[^"]|"")*"|[^\s"(])+) .*FROM stdin;$/s;

/** Lines without their ends; of one that is longer than any statement of pg_dump's, the beginning. A row may have a GiB. */
async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let begun: Buffer = Buffer.alloc(0);
  const withMore = (more: Buffer) =>
    begun.length >= MAX_LINE_BYTES ? begun : Buffer.concat([begun, more]).subarray(0, MAX_LINE_BYTES);
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      const rest = chunk.subarray(start, end);
      yield begun.length === 0 ? rest : withMore(rest);
      begun = Buffer.alloc(0);
      start = end + 1;
    }
    if (start < chunk.length) begun = withMore(chunk.subarray(start));
  }
  if (begun.length > 0) yield begun;
}

/** A COPY with all columns that a table can have, 1600 names of 63 bytes, each of these a quote. */
const MAX_LINE_BYTES = 256 * 1024;

/** Sentences for each table that has not as many rows as the dump brought, and for large objects; none if all is there. */
export async function missingFrom(
  server: PostgresServer,
  database: string,
  { rows, largeObjects }: Contents,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const sentences = await missingRows(server, database, rows, signal);
  const sql = "SELECT count(*) FROM pg_catalog.pg_largeobject_metadata;";
  const objects = Number(await selectJson(server, database, sql, signal));
  if (objects === largeObjects) return sentences;
  return [...sentences, `there are ${objects} large objects of ${largeObjects}`];
}

/** As `missingFrom`, for tables alone. */
export async function missingRows(
  server: PostgresServer,
  database: string,
  rows: Contents["rows"],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const sentences: string[] = [];
  const names = [...rows.keys()];
  for (let at = 0; at < names.length; at += TABLES_AT_ONCE) {
    const some = names.slice(at, at + TABLES_AT_ONCE);
    // An extension fills its own tables before the dump adds to them.
    const counts = some.map(
      (name) =>
        `SELECT ${literal(name)} AS name, (SELECT count(*) FROM ONLY ${name}) AS rows, EXISTS (SELECT FROM pg_catalog.pg_depend
        WHERE classid = 'pg_catalog.pg_class'::regclass AND objid = to_regclass(${literal(name)}) AND deptype = 'e') AS extra`,
    );
    const sql = `SET row_security = off; SELECT json_agg(json_build_array(name, rows, extra)) FROM (${counts.join(" UNION ALL ")}) AS t;`;
    for (const [name, count, extra] of (await selectJson(server, database, sql, signal)) as [
      string,
      number,
      boolean,
    ][]) {
      const expected = rows.get(name) ?? 0;
      if (extra ? count < expected : count !== expected) sentences.push(`${name} has ${count} rows of ${expected}`);
    }
  }
  return sentences;
}

/** One question for several tables; as many as fit well into a statement. */
const TABLES_AT_ONCE = 50;
