import type { ShownRow } from "../../rows.ts";
import { identifier } from "../sql.ts";
import type { ChosenTable } from "./chosen-table.ts";
import type { Session } from "./session.ts";
import { hasSameKeySql, isSameSql, rowsOf } from "./table.ts";

const MAX_SHOWN = 100;
const MAX_VALUE = 200;

/** The first of the rows that are added or different, in the order of the backup. */
export async function showRows(session: Session, { name, table }: ChosenTable): Promise<readonly ShownRow[]> {
  const cells = table.columns.map((column, at) => {
    const values = [`b.c${at}`, `l.${identifier(column.name)}`].map(textSql);
    return `json_build_array(${values.join(", ")}, ${isSameSql([column], at)}) AS c${at}`;
  });
  const sql =
    `SELECT coalesce(json_agg(t), '[]') FROM (SELECT b.is_there, ${cells.join(", ")} FROM ${name} AS b ` +
    `LEFT JOIN ${rowsOf(table.live)} AS l ON ${hasSameKeySql(table)} ` +
    `WHERE NOT b.is_there OR NOT ${isSameSql(table.columns)} ORDER BY b.ctid LIMIT ${MAX_SHOWN}) AS t`;
  const rows = (await session.ask(sql)) as readonly (Record<string, Cell> & { readonly is_there: boolean })[];
  return rows.map((row) => shown(table, row));
}

type Cell = readonly [backup: string | null, live: string | null, same: boolean];

function textSql(value: string): string {
  return `left(${value}::text, ${MAX_VALUE + 1})`;
}

function shown(
  { columns, key }: ChosenTable["table"],
  row: Record<string, Cell> & { readonly is_there: boolean },
): ShownRow {
  const cells = columns.map(({ name }, at) => {
    const [backup, live, same] = row[`c${at}`] as Cell;
    return { name, backup: valueText(backup), live: valueText(live), same };
  });
  return {
    state: row.is_there ? "different" : "added",
    key: Object.fromEntries(key.map(({ column, at }) => [column, cells[at]?.backup ?? "NULL"])),
    columns: row.is_there
      ? cells.filter(({ same }) => !same).map(({ name, backup, live }) => ({ name, backup, live }))
      : cells.map(({ name, backup }) => ({ name, backup })),
  };
}

function valueText(value: string | null): string {
  if (value === null) return "NULL";
  return value.length > MAX_VALUE ? `${value.slice(0, MAX_VALUE)}…` : value;
}
