import type { Environment } from "./environment.ts";
import type { SettingProblem } from "./problems.ts";
import { textOfFile } from "./setting-file.ts";

/** One table of a set, and the column that says whose a row is. */
export interface RowSetColumn {
  readonly table: string;
  readonly column: string;
}

/** By their names, which are upper case: what `restore-rows --set` can be told. */
export type RowSets = ReadonlyMap<string, readonly RowSetColumn[]>;

/** Reads every RESTORE_ROWS_<NAME>, also as RESTORE_ROWS_<NAME>_FILE. Problems are added to `problems`. */
export function readRowSets(env: Environment, readFile: (path: string) => string, problems: SettingProblem[]): RowSets {
  const sets = new Map<string, readonly RowSetColumn[]>();
  for (const [name, value] of Object.entries(env)) {
    if (!value || !name.startsWith(PREFIX)) continue;
    const complain = (problem: string, right: string) => problems.push({ name, given: value, problem, right });
    const [, set, file] = /^RESTORE_ROWS_([A-Z0-9_]+?)(_FILE)?$/.exec(name) ?? [];
    if (set === undefined) {
      complain("is no name for a set of rows", `${PREFIX} and capital letters, digits and underscores`);
      continue;
    }
    if (sets.has(set)) complain(`'${set}' is given twice`, `one of ${PREFIX}${set} and ${PREFIX}${set}_FILE`);
    try {
      sets.set(set, parseSet(file === undefined ? value : textOfFile(value, readFile)));
    } catch (error) {
      complain(error instanceof Error ? error.message : String(error), "table:column,table:column");
    }
  }
  return sets;
}

const PREFIX = "RESTORE_ROWS_";

function parseSet(text: string): readonly RowSetColumn[] {
  return text
    .trim()
    .split(",")
    .map((part) => {
      const [, table, column] = /^\s*([^:]+?)\s*:\s*([^:]+?)\s*$/.exec(part) ?? [];
      if (table === undefined || column === undefined) throw new Error(`'${part.trim()}' is not table:column`);
      return { table, column };
    });
}

/** For `help settings` and the reference page. */
export const ROW_SETS = {
  name: "RESTORE_ROWS_<NAME>",
  words: "`table:column`, several separated by commas",
  meaning:
    "A set of rows that belong together, for `lifeboat restore-rows ID --database PATH --set NAME --key VALUE`: of each " +
    "table the rows whose column is that value. Any number of sets; `<NAME>` is capital letters, digits and underscores.",
  example: "RESTORE_ROWS_ACCOUNT=accounts:name,nicks:account",
} as const;
