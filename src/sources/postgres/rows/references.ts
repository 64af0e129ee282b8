import { LifeboatError } from "../../../errors.ts";
import { identifier } from "../sql.ts";
import type { ChosenTable } from "./chosen-table.ts";
import type { Cascade } from "./describe.ts";
import { qualified, titleOf } from "./names.ts";
import type { Session } from "./session.ts";
import type { SqlError } from "./sql-error.ts";
import { bytes, hasSameKeySql, rowsOf, type SharedTable } from "./table.ts";

/** Tables that others refer to before those; where they refer to each other in a circle, as they were given. */
export function parentsFirst<T extends { readonly table: SharedTable }>(tables: readonly T[]): readonly T[] {
  const ordered = new Set<T>();
  const open = new Set<T>();
  const visit = (one: T) => {
    if (ordered.has(one) || open.has(one)) return;
    open.add(one);
    const parents = new Set(one.table.live.references.map(qualified));
    tables.filter(({ table }) => parents.has(qualified(table.live))).forEach(visit);
    ordered.add(one);
  };
  tables.forEach(visit);
  return [...ordered];
}

/** Rejects with "failed" if writing a row would make the server change rows of other tables, which nobody asked for. */
export async function requireNoCascade(session: Session, { name, table }: ChosenTable): Promise<void> {
  for (const cascade of table.live.cascades) {
    const changed = cascade.pairs.flatMap(({ ours }) => {
      const at = table.columns.findIndex((column) => column.name === ours);
      return at < 0 ? [] : [`${bytes(`l.${identifier(ours)}`)} IS DISTINCT FROM ${bytes(`b.c${at}`)}`];
    });
    if (changed.length === 0) continue;
    const sql =
      `SELECT to_json(EXISTS (SELECT FROM ${name} AS b JOIN ${rowsOf(table.live)} AS l ON ${hasSameKeySql(table)} ` +
      `JOIN ${qualified(cascade)} AS r ON ${refers(cascade)} WHERE b.is_there AND (${changed.join(" OR ")})))`;
    if (!(await session.ask(sql))) continue;
    const child = titleOf(cascade);
    throw new LifeboatError(
      "failed",
      `rows of '${child}' refer to what would change in '${table.title}', and would change with it`,
      {
        hint: `Foreign key '${cascade.constraint}' cascades. Nothing was written. Change it by hand, or choose other rows.`,
      },
    );
  }
}

function refers({ pairs }: Cascade): string {
  return pairs
    .map(({ ours, theirs, equals }) => `l.${identifier(ours)} ${equals} r.${identifier(theirs)}`)
    .join(" AND ");
}

/** What a violation of a foreign key means. */
export function explainedReference(error: SqlError, tables: readonly ChosenTable[]): LifeboatError {
  for (const { table } of tables) {
    const parent = table.live.references.find(({ constraint }) => constraint === error.constraint);
    if (!parent || /still referenced/.test(error.detail ?? "")) continue;
    const name = titleOf(parent);
    const message = `a row of '${table.title}' would refer to a row of '${name}' that is not there`;
    return new LifeboatError("failed", message, {
      cause: error.detail,
      hint: `Nothing was written. Restore the rows of '${name}' as well, in the same command: --table … --where … for each table.`,
    });
  }
  return new LifeboatError("failed", `other rows refer to what would change: ${error.message}`, {
    cause: error.detail,
    hint: "Nothing was written. Choose other rows, or change those that refer to them first.",
  });
}
