import { rm } from "node:fs/promises";
import { LifeboatError } from "../../../errors.ts";
import { failpoint } from "../../../system/failpoint.ts";
import type { TableOutcome } from "../../rows.ts";
import type { PostgresServer } from "../server.ts";
import { identifier, literal } from "../sql.ts";
import { bringIn, type ChosenTable } from "./chosen-table.ts";
import type { ChosenRows } from "./choose.ts";
import { parentsFirst, requireNoCascade } from "./references.ts";
import { explainedWrite } from "./refusal.ts";
import { neededAdvances, type Advance } from "./sequences.ts";
import { openSession, type Session } from "./session.ts";
import { showRows } from "./show.ts";
import { SqlError } from "./sql-error.ts";
import { hasSameKeySql, isSameSql, requireColumn, rowsOf, settable } from "./table.ts";
import { writeUndo } from "./undo.ts";

export interface Writing {
  readonly server: PostgresServer;
  readonly database: string;
  /** How long a statement waits for a lock. */
  readonly lockWaitMs: number;
  readonly chosen: readonly ChosenRows[];
  /** New file for the SQL that undoes what is written; on disk before the commit. Without it, all is rolled back. */
  readonly undo?: { readonly path: string; readonly title: string };
}

/**
 * Writes the chosen rows into the live database, all or none, and says what it did. Rows with the same key are
 * overwritten in the columns that both tables have; other rows are left alone, and can be written by others meanwhile.
 * Rejects with a LifeboatError; then the database is as it was, unless that says otherwise.
 */
export async function writeRows(job: Writing, signal: AbortSignal): Promise<readonly TableOutcome[]> {
  const { server, database, chosen, undo } = job;
  const tables: ChosenTable[] = [];
  try {
    await using session = await openSession(server, database, job.lockWaitMs, signal);
    await session.run("BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE");
    await session.run("SET CONSTRAINTS ALL DEFERRED");
    for (const [at, rows] of parentsFirst(chosen).entries()) tables.push(await bringIn(session, at, rows));
    const outcomes = await writeAll(session, tables, job);
    if (undo) {
      await failpoint("restore-rows:commit", signal);
      await commit(session, undo.path);
    } else await session.run("ROLLBACK");
    return chosen.map(({ table }) => outcomes.find((one) => one.table === table.title) as TableOutcome);
  } catch (error) {
    if (error instanceof UnknownEnd) throw error;
    if (undo) await rm(undo.path, { force: true });
    throw explainedWrite(error, tables, server);
  }
}

async function writeAll(session: Session, tables: readonly ChosenTable[], job: Writing): Promise<TableOutcome[]> {
  const before = [];
  for (const each of tables) {
    before.push({ ...(await compared(session, each, job)), rows: await showRows(session, each) });
    await requireNoCascade(session, each);
  }
  const isNeeded = before.some(({ added, different }) => added + different > 0);
  if (job.undo && isNeeded) await writeUndo(session, tables, job.undo);
  // What triggers and checks call finds its names as it does for everybody else.
  await session.run("SET search_path = DEFAULT");
  for (const each of tables) await writeTable(session, each);
  await session.run("SET CONSTRAINTS ALL IMMEDIATE");
  await session.run("SET search_path = ''");
  const outcomes: TableOutcome[] = [];
  const advances: Advance[] = [];
  for (const [at, each] of tables.entries()) {
    const needed = await neededAdvances(session, each);
    advances.push(...needed);
    outcomes.push({
      ...(before[at] as (typeof before)[number]),
      table: each.table.title,
      gone: each.table.gone,
      fresh: each.table.fresh,
      altered: each.count - (await countSame(session, each)) + each.retyped,
      ...(needed.length > 0 ? { advanced: needed.map(({ sequence, to }) => ({ sequence, to })) } : {}),
    });
  }
  // No rollback takes back a number, so not before everything else has gone well.
  if (job.undo) for (const { sql } of advances) await session.ask(sql);
  return outcomes;
}

async function writeTable(session: Session, { name, table }: ChosenTable): Promise<void> {
  const target = rowsOf(table.live);
  const sets = settable(table).map((column) => `${identifier(column.name)} = b.c${column.at}`);
  if (sets.length > 0) {
    await session.run(
      `UPDATE ${target} AS l SET ${sets.join(", ")} FROM ${name} AS b ` +
        `WHERE b.is_there AND ${hasSameKeySql(table)} AND NOT ${isSameSql(table.columns)}`,
    );
  }
  const columns = table.columns.map((column) => identifier(column.name)).join(", ");
  const values = table.columns.map((_, at) => `b.c${at}`).join(", ");
  await session.run(
    `INSERT INTO ${target.replace(/^ONLY /, "")} (${columns}) OVERRIDING SYSTEM VALUE ` +
      `SELECT ${values} FROM ${name} AS b WHERE NOT b.is_there ORDER BY b.ctid`,
  );
}

async function compared(
  session: Session,
  each: ChosenTable,
  { chosen }: Writing,
): Promise<Pick<TableOutcome, "added" | "different" | "same" | "onlyLive">> {
  const added = (await session.ask(`SELECT to_json(count(*)) FROM ${each.name} WHERE NOT is_there`)) as number;
  const same = await countSame(session, each);
  const counts = { added, different: each.count - added - same, same };
  // A condition of the operator's is never run on live data: it may call what changes them.
  const where = chosen.find(({ table }) => table === each.table)?.wish.where;
  if (where?.kind !== "key") return counts;
  const column = requireColumn(each.table.backup, where.column);
  if (!each.table.columns.some(({ name, retyped }) => name === column && !retyped)) return counts;
  return {
    ...counts,
    onlyLive: await countOnlyLive(session, each, `l.${identifier(column)} = ${literal(where.value)}`),
  };
}

async function countOnlyLive(session: Session, { name, table }: ChosenTable, condition: string): Promise<number> {
  await session.run("SET search_path = DEFAULT");
  const others = `NOT EXISTS (SELECT FROM ${name} AS b WHERE ${hasSameKeySql(table)})`;
  const sql = `SELECT to_json(count(*)) FROM ${rowsOf(table.live)} AS l WHERE ${condition} AND ${others}`;
  const count = (await session.ask(sql)) as number;
  await session.run("SET search_path = ''");
  return count;
}

async function countSame(session: Session, { name, table }: ChosenTable): Promise<number> {
  const join = `${rowsOf(table.live)} AS l ON ${hasSameKeySql(table)} AND ${isSameSql(table.columns)}`;
  return (await session.ask(`SELECT to_json(count(*)) FROM ${name} AS b JOIN ${join}`)) as number;
}

async function commit(session: Session, undoPath: string): Promise<void> {
  try {
    await session.run("COMMIT");
  } catch (cause) {
    if (cause instanceof SqlError) throw cause;
    throw new UnknownEnd(undoPath, cause);
  }
}

/** The one moment at which nobody can say what the server has done. */
class UnknownEnd extends LifeboatError {
  constructor(undoPath: string, cause: unknown) {
    super("failed", "whether the rows were written is not known: the connection broke at the commit", {
      cause,
      hint: `Look at them. If they were, '${undoPath}' undoes it; if not, it is of no use.`,
    });
  }
}
