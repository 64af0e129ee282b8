import { createReadStream } from "node:fs";
import { LifeboatError } from "../../../errors.ts";
import { identifier } from "../sql.ts";
import type { ChosenRows } from "./choose.ts";
import type { Session } from "./session.ts";
import { SqlError } from "./sql-error.ts";
import { bytes, hasSameKeySql, rowsOf, type SharedTable } from "./table.ts";

/**
 * Chosen rows in a temporary table beside the live one: the shared columns, with the live table's types, as c0, c1, …;
 * `is_there` says whether the live table has a row of that key.
 */
export interface ChosenTable {
  readonly name: string;
  readonly table: SharedTable;
  readonly count: number;
  /** Rows that the live table's types have changed already. */
  readonly retyped: number;
}

/**
 * Brings the chosen rows into the database, in the transaction that is open, and locks the live rows of the same keys.
 * Rejects with "usage" for rows that cannot be told apart.
 */
export async function bringIn(session: Session, at: number, { table, file, count }: ChosenRows): Promise<ChosenTable> {
  const name = `pg_temp.lifeboat_chosen_${at}`;
  const columns = table.columns.map((column, n) => `${identifier(column.name)} AS c${n}`);
  const again = table.columns.flatMap(({ retyped }, n) => (retyped ? [{ n, name: `o${n}` }] : []));
  const texts = again.map((one) => `NULL::pg_catalog.text AS ${one.name}`);
  await session.run(
    `CREATE TEMP TABLE lifeboat_chosen_${at} ON COMMIT DROP AS SELECT ${[...columns, ...texts].join(", ")} ` +
      `FROM ${rowsOf(table.live)} WITH NO DATA`,
  );
  const into = [...columns.map((_, n) => `c${n}`), ...again.map((one) => one.name)].join(", ");
  await session.copyIn(`COPY ${name} (${into}) FROM STDIN`, createReadStream(file) as AsyncIterable<Buffer>);
  await requireKeys(session, name, table);
  await session.run(`ALTER TABLE ${name} ADD COLUMN is_there boolean`);
  await session.run(`ANALYZE ${name}`);
  const same = `FROM ${rowsOf(table.live)} AS l JOIN ${name} AS b ON ${hasSameKeySql(table)}`;
  await session.ask(`SELECT to_json(count(*)) FROM (SELECT 1 ${same} FOR UPDATE OF l) AS locked`);
  await session.run(
    `UPDATE ${name} AS b SET is_there = EXISTS (SELECT FROM ${rowsOf(table.live)} AS l WHERE ${hasSameKeySql(table)})`,
  );
  return { name, table, count, retyped: await countRetyped(session, name, again) };
}

/** NULL in a key is like no other NULL, and two rows of one key have one counterpart: neither can be told apart. */
async function requireKeys(session: Session, name: string, { key, title }: SharedTable): Promise<void> {
  const names = key.map(({ column }) => column).join(", ");
  const isNull = key.map(({ at }) => `c${at} IS NULL`).join(" OR ");
  const count = (await session.ask(`SELECT to_json(count(*)) FROM ${name} WHERE ${isNull}`)) as number;
  if (count > 0) {
    throw new LifeboatError("usage", `${count} of the rows chosen of '${title}' have NULL in their key (${names})`, {
      hint: 'They cannot be told apart. Leave them out with a condition such as "… IS NOT NULL".',
    });
  }
  try {
    await session.run(`CREATE UNIQUE INDEX ON ${name} (${key.map(({ at }) => `c${at}`).join(", ")})`);
  } catch (cause) {
    if (!(cause instanceof SqlError) || cause.code !== "23505") throw cause;
    throw new LifeboatError("usage", `several of the rows chosen of '${title}' have the same key (${names})`, {
      cause,
      hint: "The key is newer than the backup. Choose one of the rows.",
    });
  }
}

async function countRetyped(
  session: Session,
  name: string,
  again: readonly { readonly n: number; readonly name: string }[],
): Promise<number> {
  if (again.length === 0) return 0;
  const changed = again.map((one) => `${bytes(`c${one.n}`)} IS DISTINCT FROM ${bytes(one.name)}`).join(" OR ");
  return (await session.ask(`SELECT to_json(count(*)) FROM ${name} WHERE ${changed}`)) as number;
}
