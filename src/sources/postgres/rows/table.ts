import { LifeboatError } from "../../../errors.ts";
import { identifier } from "../sql.ts";
import { describe, someTables, type Described, type Key } from "./describe.ts";
import { meantColumn, meantTable, qualified, titleOf, type TableName } from "./names.ts";
import type { Session } from "./session.ts";

/** A table on both sides, and how its rows are told apart. */
export interface SharedTable {
  readonly live: Described;
  readonly backup: Described;
  readonly title: string;
  /** Columns that are in both and can be written. The n-th is "cn" in `chosenTable`. */
  readonly columns: readonly SharedColumn[];
  readonly key: readonly { readonly column: string; readonly at: number; readonly equals: string }[];
  readonly gone: readonly string[];
  readonly fresh: readonly string[];
}

export interface SharedColumn {
  readonly name: string;
  readonly always: boolean;
  readonly sequence: TableName | null;
  /** Its type is another one in the backup. */
  readonly retyped: boolean;
}

/** Finds a table of `session`'s database. Rejects with "not-found", or "usage" if it is not clear, or none with rows. */
export async function requireTable(session: Session, wanted: string, where: string): Promise<Described> {
  const meant = meantTable(wanted);
  const place = ({ schema }: Described) => {
    const at = session.schemas.indexOf(schema);
    return meant.schema !== undefined || at < 0 ? session.schemas.length : at;
  };
  const found = (await describe(session, meant)).toSorted(
    (one, other) =>
      place(one) - place(other) ||
      (meant.schema ?? []).indexOf(one.schema) - (meant.schema ?? []).indexOf(other.schema) ||
      meant.name.indexOf(one.name) - meant.name.indexOf(other.name),
  );
  const [first, second] = found;
  if (!first) {
    throw new LifeboatError("not-found", `there is no table '${wanted}' in ${where}`, {
      hint: `There are: ${await someTables(session)}.`,
    });
  }
  if (second && place(first) === session.schemas.length && second.schema !== first.schema && !meant.schema) {
    const all = found.map((one) => `'${titleOf(one)}'`).join(", ");
    throw new LifeboatError("usage", `there are several tables '${wanted}' in ${where}`, { hint: `Name one: ${all}.` });
  }
  if (first.kind === "r" || first.kind === "p") return first;
  const kinds: Readonly<Record<string, string>> = { v: "view", m: "materialized view", f: "foreign table" };
  throw new LifeboatError("usage", `'${wanted}' is a ${kinds[first.kind]} in ${where}, not a table of its own`, {
    hint: "Name the table that its rows lie in.",
  });
}

/** What can be said without the backup. Throws "usage" if the table's rows cannot be restored one by one. */
export function requireWritableTable(live: Described, { fireTriggers }: { readonly fireTriggers: boolean }): void {
  const title = titleOf(live);
  if (live.keys.length === 0) throw noKey(title);
  if (live.rules.length > 0) {
    throw new LifeboatError(
      "usage",
      `table '${title}' has rules, which change what is written: ${listed(live.rules)}`,
      {
        hint: BY_HAND,
      },
    );
  }
  if (live.triggers.length === 0 || fireTriggers) return;
  throw new LifeboatError(
    "usage",
    `table '${title}' has triggers, which would fire for restored rows: ${listed(live.triggers)}`,
    {
      hint: "Nothing was touched. If they should, say --fire-triggers. If they must not, restore the dump to a folder.",
    },
  );
}

/** Throws "usage" if what tells the rows apart is not in the backup. */
export function sharedTable(live: Described, backup: Described): SharedTable {
  const before = new Map(backup.columns.map((column) => [column.name, column]));
  const writable = live.columns.filter(({ generated }) => !generated);
  const columns = writable.flatMap(({ name, always, sequence, type }) => {
    const had = before.get(name);
    return had ? [{ name, always, sequence, retyped: had.type !== type }] : [];
  });
  const has = new Set(live.columns.map(({ name }) => name));
  const names = columns.map(({ name }) => name);
  return {
    ...{ live, backup, columns, title: titleOf(live) },
    key: keyOf(live, names).columns.map(({ name, equals }) => ({ column: name, at: names.indexOf(name), equals })),
    gone: backup.columns.filter(({ name, generated }) => !has.has(name) && !generated).map(({ name }) => name),
    fresh: writable.map(({ name }) => name).filter((name) => !before.has(name)),
  };
}

function keyOf(live: Described, shared: readonly string[]): Key {
  const missing = ({ columns }: Key) => columns.find(({ name }) => !shared.includes(name))?.name;
  const [first] = live.keys;
  if (first?.primary && missing(first) !== undefined) {
    throw new LifeboatError(
      "usage",
      `the backup's table '${titleOf(live)}' has no column '${missing(first)}', which is in its key`,
      { hint: BY_HAND },
    );
  }
  const key = live.keys.find((one) => missing(one) === undefined);
  if (key) return key;
  throw noKey(titleOf(live));
}

function noKey(title: string): LifeboatError {
  return new LifeboatError("usage", `table '${title}' has neither a primary key nor a unique index`, { hint: BY_HAND });
}

const BY_HAND =
  "Its rows cannot be told apart and written one by one. Load the dump by hand (docs/how-to/postgres.md).";

/** The column of the backup's table that a set names. Throws "usage" if there is none. */
export function requireColumn(backup: Described, wanted: string): string {
  const names = backup.columns.map(({ name }) => name);
  const found = meantColumn(wanted).find((name) => names.includes(name));
  if (found !== undefined) return found;
  throw new LifeboatError("usage", `the backup's table '${titleOf(backup)}' has no column '${wanted}'`, {
    hint: `It has: ${names.join(", ")}.`,
  });
}

function listed(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(", ");
}

/** The table as a target or source of rows: not of those that inherit from it, but of its partitions. */
export function rowsOf(table: Described): string {
  return `${table.kind === "p" ? "" : "ONLY "}${qualified(table)}`;
}

/** "l" is the live row, "b" the chosen one. As the key's own index compares. */
export function hasSameKeySql({ key }: SharedTable): string {
  return key.map(({ column, at, equals }) => `l.${identifier(column)} ${equals} b.c${at}`).join(" AND ");
}

/** True of every column: text for text, as not every type can be compared, nor tells 1.0 from 1.00. */
export function isSameSql(columns: readonly SharedColumn[], from = 0): string {
  const same = columns.map(
    ({ name }, at) => `(${bytes(`l.${identifier(name)}`)} IS NOT DISTINCT FROM ${bytes(`b.c${from + at}`)})`,
  );
  return `(${same.join(" AND ")})`;
}

/** What an UPDATE may set, and where it is among the shared columns. */
export function settable({ columns }: SharedTable): readonly (SharedColumn & { readonly at: number })[] {
  return columns.flatMap((column, at) => (column.always ? [] : [{ ...column, at }]));
}

/** A value that two of which are the same only if no byte differs. */
export function bytes(value: string): string {
  return `${value}::pg_catalog.text COLLATE pg_catalog."C"`;
}
