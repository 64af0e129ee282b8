import { open } from "node:fs/promises";
import { identifier } from "../sql.ts";
import type { ChosenTable } from "./chosen-table.ts";
import type { Session } from "./session.ts";
import { hasSameKeySql, isSameSql, rowsOf, settable } from "./table.ts";

/**
 * Writes the SQL that undoes what is about to be written: the rows that are overwritten, as they are now, and the keys
 * of those that are added. On disk when this resolves. For its owner's eyes only: these are the rows themselves.
 * `tables` are in the order in which they are written.
 */
export async function writeUndo(
  session: Session,
  tables: readonly ChosenTable[],
  { path, title }: { readonly path: string; readonly title: string },
): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.appendFile(beginning(title, session.words));
    // What refers to others goes before them.
    for (const [at, each] of tables.toReversed().entries()) {
      for (const part of [addedPart(each, at), changedPart(each, at)]) {
        const { name, columns } = part;
        await session.run(`CREATE TEMP VIEW ${name} AS ${part.rows}`);
        await file.appendFile(
          `CREATE TEMP TABLE ${name} ON COMMIT DROP AS ${columns};\nSET client_encoding = '${session.encoding}';\n` +
            `COPY pg_temp.${name} FROM STDIN;\n`,
        );
        for await (const rows of session.copyOut(`COPY (SELECT * FROM pg_temp.${name}) TO STDOUT`)) {
          await file.appendFile(rows);
        }
        await file.appendFile(`\\.\nSET client_encoding = '${session.words}';\n${part.act}`);
      }
    }
    await file.appendFile("COMMIT;\n");
    await file.sync();
  } finally {
    await file.close();
  }
}

function beginning(title: string, words: string): string {
  return `-- ${title.replace(/[^ -~]+/g, "?")}
-- psql --no-psqlrc --set=ON_ERROR_STOP=1 --dbname=DATABASE < this file
SET client_encoding = '${words}';
SET standard_conforming_strings = on;
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';
SET timezone = 'UTC';
SET xmloption = 'content';
BEGIN;
SET CONSTRAINTS ALL DEFERRED;
`;
}

interface Part {
  /** ASCII, as it stands beside rows in another encoding. */
  readonly name: string;
  /** Selects what is to be kept. */
  readonly rows: string;
  /** Selects nothing, in the same columns. */
  readonly columns: string;
  readonly act: string;
}

function addedPart({ table, name }: ChosenTable, at: number): Part {
  const live = rowsOf(table.live);
  return {
    name: `lifeboat_added_${at}`,
    rows: `SELECT ${table.key.map((one) => `b.c${one.at}`).join(", ")} FROM ${name} AS b WHERE NOT b.is_there`,
    columns: `SELECT ${table.key.map((one) => `${identifier(one.column)} AS c${one.at}`).join(", ")} FROM ${live} WITH NO DATA`,
    act: `DELETE FROM ${live} AS l USING pg_temp.lifeboat_added_${at} AS b WHERE ${hasSameKeySql(table)};\n`,
  };
}

function changedPart({ table, name }: ChosenTable, at: number): Part {
  const live = rowsOf(table.live);
  const aliased = (from: string) =>
    table.columns.map((column, n) => `${from}${identifier(column.name)} AS c${n}`).join(", ");
  const sets = settable(table)
    .map((column) => `${identifier(column.name)} = b.c${column.at}`)
    .join(", ");
  return {
    name: `lifeboat_changed_${at}`,
    rows:
      `SELECT ${aliased("l.")} FROM ${name} AS b JOIN ${live} AS l ON ${hasSameKeySql(table)} ` +
      `WHERE b.is_there AND NOT ${isSameSql(table.columns)}`,
    columns: `SELECT ${aliased("")} FROM ${live} WITH NO DATA`,
    act:
      sets === ""
        ? ""
        : `UPDATE ${live} AS l SET ${sets} FROM pg_temp.lifeboat_changed_${at} AS b WHERE ${hasSameKeySql(table)};\n`,
  };
}
