import type { RunReport } from "../report/outcome.ts";
import { tinted, type Look } from "../report/table.ts";
import { pruneAll, type Pruning } from "../run/keep/prune.ts";
import type { CommandLine, Options } from "./command.ts";
import { reportText } from "./report-text.ts";

export function addPrune({ command, assembled, print, end, world: { signal } }: CommandLine): void {
  command("prune", "remove the backups that the retention settings no longer keep")
    .option("--dry-run", "only show what would be removed, and why")
    .action(async ({ json, dryRun }: Options & { dryRun?: boolean }) => {
      const tools = await assembled("restore");
      const { report, prunings } = await pruneAll(dryRun ?? false, tools, signal);
      print(json ? JSON.stringify({ ...report, prunings }) : pruningText(prunings, report, tools.look));
      end(report.exitCode);
    });
}

function pruningText(prunings: readonly Pruning[], report: RunReport, look: Look): string {
  const lines = prunings.flatMap(({ target, keep, remove, sweep, refused }) => [
    `${target}:`,
    ...keep.map(({ id, reasons }) => `  keep   ${id}  ${reasons.join(", ")}`),
    ...remove.map(({ id, reasons }) => `  remove ${id}  ${reasons.join(", ")}`),
    ...sweep.map((stem) => `  remove ${stem}  no receipt, older than a day`),
    ...(refused === undefined ? [] : [`  ${tinted("refused", "yellow", look)}: ${refused}`]),
  ]);
  return [...lines, reportText(report, look)].join("\n");
}
