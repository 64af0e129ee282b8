import { exitCodes } from "../errors.ts";
import { tinted, type Look } from "../report/table.ts";
import { sizeText, timeText } from "../report/units.ts";
import { findFiles, type Version } from "../run/look/find-files.ts";
import { shownPath } from "../run/catalogue/paths.ts";
import { formatEntry } from "../run/look/ls.ts";
import { given, type CommandLine, type Options } from "./command.ts";
import { linkText } from "./ls.ts";

export function addFind({ command, assembled, print, end, world: { signal } }: CommandLine): void {
  command("find <glob>", "find a file in all backups; says in which of them its content changed")
    .option("--target <name>", "only on this target")
    .action(async (glob: string, { json, target }: Options) => {
      const tools = await assembled("restore");
      const warn = (sentence: string) => {
        tools.log.warn(sentence);
        end(exitCodes.degraded);
      };
      const { look } = tools;
      let lines = 0;
      for await (const version of findFiles({ glob, ...given({ target }) }, tools, warn, signal)) {
        // One line for all backups that have the same, once the oldest of them is reached.
        if (!json && version.content === "same") continue;
        if (!json && lines === 0) print(heading(look));
        lines += 1;
        print(json ? versionJson(version) : versionText(version, look));
      }
    });
}

/** Printed as they are found, so the widths are fixed: there may be a million of them. */
function heading(look: Look): string {
  const columns = [
    "ID".padEnd(8),
    `TAKEN (${look.timeZone})`.padEnd(TIME),
    "CONTENT",
    "IN BACKUPS".padEnd(BACKUPS),
    "SIZE".padStart(9),
    "MODIFIED".padEnd(TIME),
    "PATH",
  ];
  return columns.join("  ");
}

const TIME = "2026-02-14 02:00:00 GMT+5:30".length;
const BACKUPS = "1000 since 2026-02-14".length;
const TINTS = { new: "green", changed: "yellow", same: "dim" } as const;

function versionText({ takenAt, content, newest, backups, path, entry }: Version, look: Look): string {
  const time = (at: Date) => timeText(at, look.timeZone).padEnd(TIME);
  const since = timeText(new Date(takenAt), look.timeZone).slice(0, "2026-02-14".length);
  const size = entry.type === "file" ? sizeText(entry.sizeBytes) : entry.type;
  return [
    newest.id,
    time(new Date(newest.takenAt)),
    tinted(content.padEnd("CONTENT".length), TINTS[content], look),
    (backups === 1 ? "1" : `${backups} since ${since}`).padEnd(BACKUPS),
    size.padStart(9),
    time(new Date(Number(newest.mtimeNs / 1_000_000n))),
    `${shownPath(path)}${linkText(entry)}`,
  ].join("  ");
}

/** The index's own words for the file, and whose they are. */
function versionJson({ id, takenAt, content, entry }: Version): string {
  const { heldBy: _, ...file } = JSON.parse(formatEntry({ ...entry, heldBy: id })) as Record<string, unknown>;
  return JSON.stringify({ id, takenAt, content, ...file });
}
