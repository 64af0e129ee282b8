import type Sqlite from "better-sqlite3";
import type { ChosenRows } from "./choose.ts";
import type { ShownRow } from "./job.ts";
import { quoted } from "./names.ts";
import { hasSameKeySql, isSameSql } from "./table.ts";

const MAX_SHOWN = 100;
const MAX_VALUE = 200;

/** The first of the rows that are added or different, in the order of the backup. */
export function showRows(database: Sqlite.Database, { table, chosen }: ChosenRows): readonly ShownRow[] {
  const { name, columns, key } = table;
  const both = columns.map((column) => `b.${quoted(column)}, l.${quoted(column)}, (${isSameSql([column])})`);
  const isThere = `l.${quoted(key[0] ?? "")} IS NOT NULL`;
  const rows = database
    .prepare(
      `SELECT ${isThere}, ${both.join(", ")} FROM work.${quoted(chosen)} b ` +
        `LEFT JOIN main.${quoted(name)} l ON ${hasSameKeySql(key)} ` +
        `WHERE NOT (${isThere}) OR NOT (${isSameSql(columns)}) ORDER BY b.rowid LIMIT ${MAX_SHOWN}`,
    )
    .safeIntegers()
    .raw();
  return (rows.all() as unknown[][]).map(([there, ...values]) => shown(table, there === 1n, values));
}

function shown({ columns, key }: ChosenRows["table"], isThere: boolean, values: readonly unknown[]): ShownRow {
  const cells = columns.map((name, at) => ({
    name,
    backup: valueText(values[3 * at]),
    live: valueText(values[3 * at + 1]),
    same: values[3 * at + 2] === 1n,
  }));
  const keys = cells.filter(({ name }) => key.includes(name));
  return {
    state: isThere ? "different" : "added",
    key: Object.fromEntries(keys.map(({ name, backup }) => [name, backup])),
    columns: isThere
      ? cells.filter(({ same }) => !same).map(({ name, backup, live }) => ({ name, backup, live }))
      : cells.map(({ name, backup }) => ({ name, backup })),
  };
}

function valueText(value: unknown): string {
  if (value === null) return "NULL";
  const text = Buffer.isBuffer(value) ? `x'${value.subarray(0, MAX_VALUE).toString("hex")}'` : String(value);
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text;
}
