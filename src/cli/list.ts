import { exitCodes, LifeboatError } from "../errors.ts";
import { tableText, tinted, type Look } from "../report/table.ts";
import { inZone, sizeText, timeText } from "../report/units.ts";
import { list, type Listing } from "../run/look/list.ts";
import { parseMoment } from "../plan/moment.ts";
import { given, type CommandLine, type Options } from "./command.ts";

export function addList({ command, assembled, print, end, world: { signal } }: CommandLine): void {
  command("list", "show the backups on all targets")
    .option("--target <name>", "only this target")
    .option("--latest <number>", "only the newest so many")
    .option("--since <time>", 'only those taken at or after this, as "2026-02-14" or "2026-02-14 02:00" in TZ')
    .action(async ({ json, target, latest, since }: ListOptions) => {
      const count = latest === undefined ? {} : { latest: countOf(latest) };
      const tools = await assembled("restore");
      const { timeZone } = tools.config.schedule;
      const time = since === undefined ? {} : { since: parseMoment(wholeDay(since), timeZone) };
      const listing = await list({ ...given({ target }), ...count, ...time }, tools, signal);
      print(json ? JSON.stringify(listing) : listText(listing, tools.look));
      if (listing.warnings.length > 0) end(exitCodes.degraded);
    });
}

const TRUST = {
  "known-signer": "known here",
  "first-use": "taken on trust: compare it with what this shows where the backups are made, or set BACKUP_SIGNER",
} as const;

interface ListOptions extends Options {
  readonly latest?: string;
  readonly since?: string;
}

function countOf(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new LifeboatError("usage", `--latest '${text}' is no number of backups`, { hint: "Such as --latest 10." });
}

/** A day is meant from its beginning. */
function wholeDay(text: string): string {
  return /^\d{4}-\d\d-\d\d$/.test(text.trim()) ? `${text.trim()} 00:00` : text;
}

function stateText({ outcome, targets, pinnedOn }: Listing["backups"][number]): string {
  if (pinnedOn.length === 0) return outcome;
  return `${outcome}, pinned${pinnedOn.length < targets.length ? ` on ${pinnedOn.join(", ")}` : ""}`;
}

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
    stateText(backup),
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
    ...warnings.map((warning) => `${tinted("warning", "yellow", look)}: ${inZone(warning, look.timeZone)}`),
  ].join("\n");
}
