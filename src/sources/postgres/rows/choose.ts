import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { LifeboatError } from "../../../errors.ts";
import type { RowWish } from "../../rows.ts";
import { identifier, literal } from "../sql.ts";
import type { Described } from "./describe.ts";
import { notAnExpression, requireClosed } from "./expression.ts";
import { titleOf } from "./names.ts";
import type { Session } from "./session.ts";
import { SqlError } from "./sql-error.ts";
import { requireColumn, rowsOf, type SharedTable } from "./table.ts";

/** The wanted rows of one table, out of the backup. */
export interface ChosenRows {
  readonly table: SharedTable;
  readonly wish: RowWish;
  readonly count: number;
  /** PostgreSQL's text format: the shared columns, then those that have another type now once more, as text. */
  readonly file: string;
}

/** The condition of a wish, for the table of the backup. Throws "usage" for what could be more than that. */
function conditionOf({ where }: RowWish, backup: Described): string {
  if (where.kind === "key") return `${identifier(requireColumn(backup, where.column))} = ${literal(where.value)}`;
  requireClosed(titleOf(backup), where.sql);
  return where.sql;
}

/**
 * Makes views of the conditions, which says what they are made of without running them: gives whether they read more
 * than the tables they are about. Rejects with "usage" for what is no expression over the table's columns.
 */
export async function readsMore(
  scratch: Session,
  tables: readonly { readonly wish: RowWish; readonly backup: Described }[],
): Promise<boolean> {
  let isMore = false;
  for (const [at, { wish, backup }] of tables.entries()) {
    const view = `lifeboat_condition_${at}`;
    const sql = `CREATE TEMP VIEW ${view} AS SELECT 1 AS one FROM ${from(backup)} WHERE (${conditionOf(wish, backup)}\n)`;
    await runCondition(scratch, backup, wish, sql);
    isMore ||= (await scratch.ask(dependenciesOf(view, backup))) as boolean;
  }
  return isMore;
}

/** AS keeps the table's own name usable in the condition. */
function from(backup: Described): string {
  return `${rowsOf(backup)} AS ${identifier(backup.name)}`;
}

/** Other tables, and functions that nobody can look into from here; those in C belong to extensions. */
function dependenciesOf(view: string, backup: Described): string {
  const table = `${literal(rowsOf(backup).replace(/^ONLY /, ""))}::pg_catalog.regclass`;
  return `SELECT to_json(EXISTS (
    SELECT FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
    LEFT JOIN pg_operator o ON d.refclassid = 'pg_operator'::regclass AND o.oid = d.refobjid
    LEFT JOIN pg_proc f ON f.oid = CASE d.refclassid WHEN 'pg_proc'::regclass THEN d.refobjid ELSE o.oprcode::oid END
    LEFT JOIN pg_language l ON l.oid = f.prolang
    WHERE r.ev_class = 'pg_temp.${view}'::regclass AND (
      d.refclassid = 'pg_class'::regclass AND d.refobjid NOT IN (r.ev_class, ${table})
      OR l.lanname NOT IN ('c', 'internal'))))`;
}

/** Copies the wanted rows out of the scratch database, as text that every type survives in. */
export async function copyChosen(
  scratch: Session,
  tables: readonly { readonly wish: RowWish; readonly table: SharedTable }[],
  encoding: string,
  folder: string,
): Promise<readonly ChosenRows[]> {
  const chosen: ChosenRows[] = [];
  for (const [at, { wish, table }] of tables.entries()) {
    const { backup, columns } = table;
    const names = columns.map(({ name }) => identifier(name));
    const again = columns.flatMap(({ name, retyped }) => (retyped ? [`${identifier(name)}::pg_catalog.text`] : []));
    const values = [...names, ...again].map((value, n) => `${value} AS c${n}`).join(", ");
    const into = `pg_temp.lifeboat_chosen_${at}`;
    await scratch.run(`CREATE TEMP TABLE lifeboat_chosen_${at} AS SELECT ${values} FROM ${from(backup)} WITH NO DATA`);
    await scratch.run("BEGIN TRANSACTION READ ONLY");
    await runCondition(
      scratch,
      backup,
      wish,
      `INSERT INTO ${into} SELECT ${values} FROM ${from(backup)} WHERE (${conditionOf(wish, backup)}\n)`,
    );
    await scratch.run("COMMIT");
    const count = (await scratch.ask(`SELECT to_json(count(*)) FROM ${into}`)) as number;
    const file = join(folder, `chosen-${at}`);
    await pipeline(
      scratch.copyOut(`COPY ${into} TO STDOUT`, encoding),
      createWriteStream(file, { flags: "wx", mode: 0o600 }),
    );
    chosen.push({ table, wish, count, file });
  }
  if (chosen.every(({ count }) => count === 0)) throw nothingMatches(chosen);
  return chosen;
}

/** Runs a statement with the condition in it: inside of a function, where it can be no more than one statement's part. */
async function runCondition(scratch: Session, backup: Described, wish: RowWish, sql: string): Promise<void> {
  const schemas = [...new Set([backup.schema, ...scratch.schemas])].map(identifier).join(", ");
  try {
    await scratch.run(`SET search_path = ${schemas}`);
    await scratch.run(`DO ${literal(`BEGIN EXECUTE ${literal(sql)}; END`)}`);
    await scratch.run("SET search_path = ''");
  } catch (error) {
    // 42: what the text says makes no sense; 22: a value in it is none of the column's type; 21: a subquery gives several.
    if (!(error instanceof SqlError) || !/^(42(?!501)|2[12])/.test(error.code)) throw error;
    const title = titleOf(backup);
    if (wish.where.kind === "expression") throw notAnExpression(title, wish.where.sql, error.message, error);
    const { column, value } = wish.where;
    throw new LifeboatError("usage", `'${value}' is no value of column '${column}' of '${title}'`, { cause: error });
  }
}

function nothingMatches(chosen: readonly ChosenRows[]): LifeboatError {
  const tables = chosen.map(({ table }) => `'${table.title}'`).join(", ");
  return new LifeboatError("not-found", `the backup has no such row in ${tables}`, {
    hint: "Nothing was touched. An older backup may still have it: 'lifeboat list' shows them.",
  });
}
