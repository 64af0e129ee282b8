import { join } from "node:path";
import Sqlite from "better-sqlite3";
import { LifeboatError } from "../../../errors.ts";
import { requireExpression } from "./expression.ts";
import type { RowsJob, RowWish } from "./job.ts";
import { isSameName, quoted } from "./names.ts";
import { sharedTable, type SharedTable } from "./table.ts";

/** The wanted rows of one table, copied into a table of a private database: `chosen` in `file`. */
export interface ChosenRows {
  readonly table: SharedTable;
  readonly wish: RowWish;
  readonly chosen: string;
  readonly count: number;
}

/**
 * Copies the wanted rows out of the backup's database, byte for byte. The operator's expressions are run on it alone,
 * never on a connection to the live database. Rejects with "usage" or "not-found" for what cannot be chosen.
 */
export function chooseRows(job: RowsJob): { readonly file: string; readonly chosen: readonly ChosenRows[] } {
  const file = join(job.folder, "chosen.db");
  const backup = new Sqlite(job.backup, { readonly: true, fileMustExist: true });
  const live = new Sqlite(job.database, { readonly: true, fileMustExist: true, timeout: job.lockTimeoutMs });
  try {
    const tables = job.wishes.map((wish) => sharedTable(backup, live, wish.table));
    tables.forEach(({ name }, at) => {
      if (tables.findIndex((other) => other.name === name) === at) return;
      throw new LifeboatError("usage", `table '${name}' is named twice`, { hint: "Join the two conditions with OR." });
    });
    job.wishes.forEach(({ table, where }) => {
      if (where.kind === "expression") requireExpression(backup, table, where.sql);
      else requireColumn(backup, table, where.column);
    });
    return { file, chosen: copyRows(file, job, tables) };
  } finally {
    backup.close();
    live.close();
  }
}

/** The condition for the backup's table, and what is bound to it. */
export function conditionOf({ where }: RowWish): { readonly sql: string; readonly bound: readonly string[] } {
  if (where.kind === "expression") return { sql: `(${where.sql}\n)`, bound: [] };
  return { sql: `${quoted(where.column)} = ?`, bound: [where.value] };
}

function copyRows(file: string, job: RowsJob, tables: readonly SharedTable[]): ChosenRows[] {
  const work = new Sqlite(file);
  try {
    work.prepare("ATTACH ? AS backup").run(job.backup);
    return tables.map((table, at) => {
      const wish = job.wishes[at] as RowWish;
      const chosen = `lifeboat chosen ${at}`;
      const { sql, bound } = conditionOf(wish);
      const columns = table.columns.map(quoted).join(", ");
      // AS keeps the table's own name usable in the expression, as it is in the backup.
      const select = `SELECT ${columns} FROM backup.${quoted(wish.table)} AS ${quoted(wish.table)} WHERE ${sql}`;
      work.prepare(`CREATE TABLE main.${quoted(chosen)} AS SELECT * FROM (${select}) LIMIT 0`).run(...bound);
      const { changes } = work.prepare(`INSERT INTO main.${quoted(chosen)} ${select}`).run(...bound);
      requireWholeKeys(work, table, chosen);
      return { table, wish, chosen, count: changes };
    });
  } finally {
    work.close();
  }
}

/** NULL in a key is like no other NULL: such a row has no counterpart. */
function requireWholeKeys(work: Sqlite.Database, { name, key }: SharedTable, chosen: string): void {
  const without = key.map((column) => `${quoted(column)} IS NULL`).join(" OR ");
  const count = work
    .prepare(`SELECT count(*) FROM main.${quoted(chosen)} WHERE ${without}`)
    .pluck()
    .get() as number;
  if (count === 0) return;
  throw new LifeboatError(
    "usage",
    `${count} of the rows chosen of '${name}' have NULL in their key (${key.join(", ")})`,
    {
      hint: 'They cannot be told apart. Leave them out with a condition such as "… IS NOT NULL".',
    },
  );
}

function requireColumn(backup: Sqlite.Database, table: string, column: string): void {
  const columns = backup.prepare("SELECT name FROM pragma_table_xinfo(?)").pluck().all(table).map(String);
  if (columns.some((name) => isSameName(name, column))) return;
  throw new LifeboatError("usage", `the backup's table '${table}' has no column '${column}'`, {
    hint: `It has: ${columns.join(", ")}.`,
  });
}
