import Sqlite from "better-sqlite3";
import { LifeboatError } from "../../../errors.ts";
import { quoted } from "./names.ts";

/** How many rows of each table refer to a row of another that is not there: by table, row and key. */
export type Violations = ReadonlyMap<string, number>;

/** Undefined where SQLite cannot tell, as when a parent table lacks the key that is referred to. */
export function violationsIn(database: Sqlite.Database, tables: readonly string[]): Violations | undefined {
  const found = new Map<string, number>();
  try {
    for (const table of tables) {
      const rows = database.prepare<[], Row>(`PRAGMA main.foreign_key_check(${quoted(table)})`);
      for (const { table: child, rowid, parent, fkid } of rows.iterate()) {
        const key = JSON.stringify([child, parent, rowid?.toString() ?? null, fkid.toString()]);
        found.set(key, (found.get(key) ?? 0) + 1);
      }
    }
  } catch (error) {
    if (error instanceof Sqlite.SqliteError) return undefined;
    throw error;
  }
  return found;
}

interface Row {
  readonly table: string;
  readonly rowid: number | bigint | null;
  readonly parent: string;
  readonly fkid: number | bigint;
}

/** Throws "failed" for the first violation that was not there before. */
export function requireNoNew(before: Violations | undefined, after: Violations | undefined): void {
  if (!before || !after) return;
  for (const [key, count] of after) {
    if (count <= (before.get(key) ?? 0)) continue;
    const [child, parent] = JSON.parse(key) as [string, string];
    throw new LifeboatError("failed", `a row of '${child}' would refer to a row of '${parent}' that is not there`, {
      hint: `Restore the rows of '${parent}' as well, in the same command: --table … --where … for each table.`,
    });
  }
}
