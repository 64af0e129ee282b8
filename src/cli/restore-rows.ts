import { LifeboatError } from "../errors.ts";
import { printable } from "../report/printable.ts";
import { tinted, type Look } from "../report/table.ts";
import { isDumpPath, restorePostgresRows } from "../run/rows/restore-postgres-rows.ts";
import { restoreRows, type RestoredRows, type RowWish, type TableOutcome } from "../run/rows/restore-rows.ts";
import { given, type CommandLine, type Options } from "./command.ts";
import { askYes } from "./question.ts";
import { reportText } from "./report-text.ts";

interface RowsOptions extends Options {
  readonly database: string;
  readonly table: readonly string[];
  readonly where: readonly string[];
  readonly set?: string;
  readonly key?: string;
  readonly into?: string;
  readonly fireTriggers?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

type RowSets = ReadonlyMap<string, readonly { readonly table: string; readonly column: string }[]>;

export function addRestoreRows({ command, assembled, print, end, world }: CommandLine): void {
  const { signal } = world;
  const another = (value: string, values: readonly string[]) => [...values, value];
  command("restore-rows <id>", "bring rows of a database back into the live one, such as one user's account")
    .requiredOption("--database <path>", "the SQLite database or PostgreSQL dump, as `ls` shows it below backup/")
    .option("--table <name>", "a table; with --where, as often as there are tables", another, [])
    .option("--where <sql>", "the rows of the table before it: one SQL expression", another, [])
    .option("--set <name>", "the tables and columns of RESTORE_ROWS_<NAME>, instead of --table and --where")
    .option("--key <value>", "with --set: what is in these columns")
    .option("--into <database>", "write to this file, or database of that server, instead of the live one")
    .option("--fire-triggers", "let the triggers of the live tables fire for what is written")
    .option("--dry-run", "show the rows on both sides, rehearse, and write nothing")
    .option("--yes", "do not ask")
    .option("--target <name>", "only from this target")
    .action(async (id: string, options: RowsOptions) => {
      requireSense(options, world.stdin?.isTTY === true);
      const tools = await assembled("restore");
      const { database, into, target, json } = options;
      const confirm = async (tables: readonly TableOutcome[]) => {
        if (options.yes) return true;
        world.stderr.write(`${tablesText(tables, tools.look)}\n`);
        return await askYes("Write these rows?", world);
      };
      const wanted = {
        ...{ id, database, confirm, wishes: wishesOf(options, tools.config.rowSets) },
        ...{ dryRun: options.dryRun ?? false, fireTriggers: options.fireTriggers ?? false },
        ...given({ into, target }),
      };
      const restore = isDumpPath(database, tools.config.sources) ? restorePostgresRows : restoreRows;
      const restored = await restore(wanted, tools, signal);
      const { report, ...rest } = restored;
      print(json ? JSON.stringify({ ...report, ...rest }) : restoredText(restored, tools.look));
      end(report.exitCode);
    });
}

function requireSense({ table, where, set, key, dryRun, yes }: RowsOptions, hasTerminal: boolean): void {
  const wrong = (message: string, hint: string) => new LifeboatError("usage", message, { hint });
  if (set === undefined && table.length === 0) {
    throw wrong("nothing says which rows", "Give --table NAME --where EXPRESSION, or --set NAME --key VALUE.");
  }
  if (set !== undefined && table.length + where.length > 0) {
    throw wrong("--set does not go with --table and --where", "Give one or the other.");
  }
  if ((set === undefined) !== (key === undefined)) {
    throw wrong("--set and --key belong together", "--set ACCOUNT --key toast");
  }
  if (table.length !== where.length) {
    throw wrong(
      `there are ${table.length} --table and ${where.length} --where`,
      "Give one --where for each --table, in the same order. '1' means all rows.",
    );
  }
  if (!dryRun && !yes && !hasTerminal) {
    throw wrong(
      "there is no terminal to ask on",
      "Say --yes to write without being asked, or --dry-run to see the rows.",
    );
  }
}

function wishesOf({ table, where, set, key }: RowsOptions, sets: RowSets): readonly RowWish[] {
  if (set === undefined) {
    return table.map((name, at) => ({ table: name, where: { kind: "expression", sql: where[at] ?? "" } }));
  }
  const columns = sets.get(set.toUpperCase());
  if (columns) {
    return columns.map((one) => ({ table: one.table, where: { kind: "key", column: one.column, value: key ?? "" } }));
  }
  const names = [...sets.keys()].join(", ");
  throw new LifeboatError("usage", `there is no set '${set}'`, {
    hint: names === "" ? `Set RESTORE_ROWS_${set.toUpperCase()}=table:column,…` : `There are: ${names}.`,
  });
}

function restoredText({ report, tables, written, undoFile }: RestoredRows, look: Look): string {
  const undo = undoFile === undefined ? [] : [`to undo it: ${undoFile}`];
  const isDone = report.outcome !== "failed";
  const nothing = isDone && !written && tables.length > 0 ? ["nothing was written"] : [];
  return [...(tables.length > 0 ? [tablesText(tables, look)] : []), ...nothing, ...undo, reportText(report, look)].join(
    "\n",
  );
}

/** The rows on both sides. What is in them is shown: whoever restores rows may read them. */
function tablesText(tables: readonly TableOutcome[], look: Look): string {
  return tables.flatMap((table) => tableLines(table, look)).join("\n");
}

function tableLines(outcome: TableOutcome, look: Look): readonly string[] {
  const { table, added, different, same, onlyLive = 0, gone, fresh, advanced = [], rows } = outcome;
  const left = added + different - rows.length;
  return [
    `${printable(table)}: ${added} added, ${different} different, ${same} the same`,
    ...rows.flatMap((row) => {
      const mark = row.state === "added" ? tinted("+", "green", look) : tinted("M", "yellow", look);
      const key = Object.entries(row.key).map(([name, value]) => `${name} ${printable(value)}`);
      const columns = row.columns.filter(({ name }) => row.state === "different" || !(name in row.key));
      const values = columns.map(({ name, backup, live }) => {
        const before = live === undefined ? "" : `${printable(live)} → `;
        return `      ${printable(name)}: ${before}${printable(backup)}`;
      });
      return [`  ${mark} ${key.join(", ")}`, ...values];
    }),
    ...(left > 0 ? [`  … and ${left} more`] : []),
    ...(onlyLive > 0 ? [`  ${onlyLive} more of the live rows match; they stay as they are`] : []),
    ...(gone.length > 0 ? [`  the live table no longer has: ${gone.map(printable).join(", ")}`] : []),
    ...(fresh.length > 0
      ? [`  not in the backup yet, so left or set to the default: ${fresh.map(printable).join(", ")}`]
      : []),
    ...advanced.map(({ sequence, to }) => `  sequence ${printable(sequence)} goes on after ${to}`),
  ];
}
