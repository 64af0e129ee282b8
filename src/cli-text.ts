import type { IndexEntry } from "./archive/format.ts";
import type { RunReport } from "./report/outcome.ts";
import { printable } from "./report/printable.ts";
import { tableText, tinted, type Look } from "./report/table.ts";
import { durationText, sizeText, timeText } from "./report/units.ts";
import type { Health } from "./run/health.ts";
import type { Listing } from "./run/list.ts";
import type { Pruning } from "./run/prune.ts";
import type { Verified } from "./run/verify.ts";

/** The end of a run in a few lines: what came of it, what someone must read, how long the steps took. */
export function reportText(report: RunReport, look: Look): string {
  const { command, outcome, backupId, failure, startedAt, finishedAt } = report;
  const tint = { succeeded: "green", degraded: "yellow", failed: "red" } as const;
  const took = durationText(finishedAt.getTime() - startedAt.getTime());
  const what = backupId === undefined ? command : `${command} ${backupId}`;
  return [
    `${what} ${tinted(outcome, tint[outcome], look)} in ${took}`,
    ...report.targets.map((target) =>
      target.outcome === "shipped"
        ? `  ${target.target}: shipped and proven in ${durationText(target.tookMs)}`
        : `  ${target.target}: ${tinted("failed", "red", look)}: ${target.problem}`,
    ),
    ...report.leftDown.map((name) => `  ${tinted("left down", "red", look)}: container '${name}'`),
    ...report.warnings.map((warning) => `  ${tinted("warning", "yellow", look)}: ${warning}`),
    ...(failure ? [`  ${tinted("failed", "red", look)}: ${failure.message}`] : []),
    ...(failure?.hint === undefined ? [] : [`    ${failure.hint}`]),
  ].join("\n");
}

export function listText({ backups, warnings }: Listing, look: Look): string {
  const columns = [
    { title: "ID" },
    { title: `TAKEN (${look.timeZone})` },
    { title: "KIND" },
    { title: "FILES", align: "right" },
    { title: "CONTENT", align: "right" },
    { title: "STORED", align: "right" },
    { title: "STATE" },
    { title: "TARGETS" },
  ] as const;
  const rows = backups.map((backup) => [
    backup.id,
    timeText(new Date(backup.takenAt), look.timeZone),
    backup.kind,
    String(backup.files),
    sizeText(backup.contentBytes),
    sizeText(backup.sizeBytes),
    backup.outcome,
    backup.targets.join(", "),
  ]);
  const stored = backups.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const total = backups.length === 1 ? "1 backup" : `${backups.length} backups`;
  return [
    ...(backups.length > 0 ? [tableText(columns, rows, look)] : []),
    backups.length > 0 ? `${total}, ${sizeText(stored)}` : "no backups yet",
    ...warnings.map((warning) => `${tinted("warning", "yellow", look)}: ${warning}`),
  ].join("\n");
}

/** As `ls -l` has it, or one JSON object. */
export function entryText(entry: IndexEntry, look: Look): string {
  const type = { file: "-", folder: "d", symlink: "l", hardlink: "h" }[entry.type];
  const bits = [..."rwxrwxrwx"].map((letter, at) => (entry.mode & (1 << (8 - at)) ? letter : "-")).join("");
  const owner = `${entry.uid}:${entry.gid}`.padStart(11);
  const time = timeText(new Date(Number(entry.mtimeNs / 1_000_000n)), look.timeZone);
  const path = printable(entry.path.toString("utf8"));
  const link = entry.linkTarget ? ` -> ${printable(entry.linkTarget.toString("utf8"))}` : "";
  return `${type}${bits} ${owner} ${sizeText(entry.sizeBytes).padStart(9)} ${time} ${path}${link}`;
}

export function verifiedText(verified: readonly Verified[], report: RunReport, look: Look): string {
  const words = {
    complete: "complete: receipt authentic, archive and index there, index opens",
    read: "read: every byte is what was sealed, every file has its digest",
  };
  const lines = verified.map(({ id, target, result, problem }) =>
    result === "broken"
      ? `${id} on ${target} ${tinted("broken", "red", look)}: ${problem}`
      : `${id} on ${target} ${tinted(words[result], "green", look)}`,
  );
  return [...lines, reportText(report, look)].join("\n");
}

export function pruningText(prunings: readonly Pruning[], report: RunReport, look: Look): string {
  const lines = prunings.flatMap(({ target, keep, remove, sweep, refused }) => [
    `${target}:`,
    ...keep.map(({ id, reasons }) => `  keep   ${id}  ${reasons.join(", ")}`),
    ...remove.map(({ id, reasons }) => `  remove ${id}  ${reasons.join(", ")}`),
    ...sweep.map((stem) => `  remove ${stem}  no receipt, older than a day`),
    ...(refused === undefined ? [] : [`  ${tinted("refused", "yellow", look)}: ${refused}`]),
  ]);
  return [...lines, reportText(report, look)].join("\n");
}

export function healthText({ healthy, problems, lastGood, nextRunAt }: Health): string {
  const facts = [
    lastGood ? `newest good backup ${lastGood.id} of ${lastGood.takenAt}` : "no good backup yet",
    ...(nextRunAt === undefined ? [] : [`next run at ${nextRunAt}`]),
  ];
  return [healthy ? "healthy" : "unhealthy", ...problems, ...facts].join("\n");
}
