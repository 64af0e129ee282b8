import type { RunReport } from "../report/outcome.ts";
import { tinted, type Look } from "../report/table.ts";
import { inZone } from "../report/units.ts";
import { pruneAll, type Pruning } from "../run/keep/prune.ts";
import type { CommandLine, Options } from "./command.ts";
import { reportText } from "./report-text.ts";

export function addPrune({ command, assembled, print, end, world: { signal } }: CommandLine): void {
  command("prune", "remove the backups that the retention settings no longer keep")
    .option("--dry-run", "only show what would be removed, and why")
    .action(async ({ json, dryRun }: Options & { dryRun?: boolean }) => {
      const tools = await assembled("restore");
      const pruned = await pruneAll(dryRun ?? false, tools, signal);
      const { report, prunings } = pruned;
      print(json ? JSON.stringify({ ...report, prunings }) : pruningText(pruned, dryRun ?? false, tools.look));
      end(report.exitCode);
    });
}

function pruningText(
  { report, prunings }: { readonly report: RunReport; readonly prunings: readonly Pruning[] },
  dryRun: boolean,
  look: Look,
): string {
  const lines = prunings.flatMap(({ target, keep, remove, sweep, refused }) => [
    `${target}:`,
    ...keep.map(({ id, reasons }) => `  keep   ${id}  ${reasons.join(", ")}`),
    ...remove.map(({ id, reasons }) => `  remove ${id}  ${reasons.join(", ")}`),
    ...sweep.map((stem) => `  remove ${stem}  no receipt, older than a day`),
    ...(refused === undefined ? [] : [`  ${tinted("refused", "yellow", look)}: ${refused}`]),
  ]);
  const shown = lines.map((line) => inZone(line, look.timeZone));
  const count = prunings.reduce((sum, { remove, sweep }) => sum + remove.length + sweep.length, 0);
  const what = count === 1 ? "1 is" : `${count} are`;
  const undone = dryRun ? [`nothing was removed, as this was a dry run: ${what} due`] : [];
  return [...shown, ...undone, reportText(report, look)].join("\n");
}
