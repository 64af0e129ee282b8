import type { RunReport } from "../report/outcome.ts";
import { tinted, type Look } from "../report/table.ts";
import { durationText, inZone } from "../report/units.ts";

/** The end of a run in a few lines: what came of it, what someone must read, how long the steps took. */
export function reportText(report: RunReport, look: Look): string {
  const { command, outcome, backupId, failure, startedAt, finishedAt } = report;
  const tint = { succeeded: "green", degraded: "yellow", failed: "red" } as const;
  const took = durationText(finishedAt.getTime() - startedAt.getTime());
  const what = backupId === undefined ? command : `${command} ${backupId}`;
  const lines = [
    `${what} ${tinted(outcome, tint[outcome], look)} in ${took}`,
    ...report.targets.map((target) =>
      target.outcome === "shipped"
        ? `  ${target.target}: shipped and proven in ${durationText(target.tookMs)}`
        : `  ${target.target}: ${tinted("failed", "red", look)}: ${target.problem}`,
    ),
    ...report.notes.map((note) => `  ${note}`),
    ...report.leftDown.map((name) => `  ${tinted("left down", "red", look)}: container '${name}'`),
    ...report.warnings.map((warning) => `  ${tinted("warning", "yellow", look)}: ${warning}`),
    ...(failure ? [`  ${tinted("failed", "red", look)}: ${failure.message}`] : []),
    ...(failure?.hint === undefined ? [] : [`    ${failure.hint}`]),
  ];
  return inZone(lines.join("\n"), look.timeZone);
}
