import { exitCodes } from "../errors.ts";
import { tableText, tinted, type Look } from "../report/table.ts";
import { sizeText, timeText } from "../report/units.ts";
import { list, type Listing } from "../run/look/list.ts";
import type { CommandLine, Options } from "./command.ts";

export function addList({ command, assembled, print, end, world: { signal } }: CommandLine): void {
  command("list", "show the backups on all targets")
    .option("--target <name>", "only this target")
    .action(async ({ json, target }: Options) => {
      const tools = await assembled("restore");
      const listing = await list(target, tools, signal);
      print(json ? JSON.stringify(listing) : listText(listing, tools.look));
      if (listing.warnings.length > 0) end(exitCodes.degraded);
    });
}

const TRUST = {
  "known-signer": "known here",
  "first-use": "taken on trust: compare it with what this shows where the backups are made, or set BACKUP_SIGNER",
} as const;

function listText({ backups, signers, warnings }: Listing, look: Look): string {
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
    backup.parent === null ? backup.kind : `${backup.kind} on ${backup.parent}`,
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
    backups.length > 0 ? `${total}, ${sizeText(stored)}` : warnings.length > 0 ? "no backups" : "no backups yet",
    ...signers.map(({ fingerprint, trust }) => `signed by ${fingerprint} (${TRUST[trust]})`),
    // Those of the newest: the same would be said of every night.
    ...(backups.at(-1)?.notes ?? []).map((note) => `note: ${note}`),
    ...warnings.map((warning) => `${tinted("warning", "yellow", look)}: ${warning}`),
  ].join("\n");
}
