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
        if (!json && lines === 0) print(heading(look));
        lines += 1;
        print(json ? versionJson(version) : versionText(version, look));
      }
    });
}

/** Printed as they are found, so the widths are fixed: there may be a million of them. */
function heading(look: Look): string {
  const titles = ["ID", `TAKEN (${look.timeZone})`, "CONTENT", "SIZE", "MODIFIED", "PATH"];
  const [id = "", taken = "", content = "", size = "", modified = "", path = ""] = titles;
  return `${id.padEnd(8)}  ${taken.padEnd(TIME)}  ${content}  ${size.padStart(9)}  ${modified.padEnd(TIME)}  ${path}`;
}

const TIME = "2026-02-14 02:00:00 GMT+5:30".length;
const TINTS = { new: "green", changed: "yellow", same: "dim" } as const;

function versionText({ id, takenAt, content, path, entry }: Version, look: Look): string {
  const time = (at: Date) => timeText(at, look.timeZone).padEnd(TIME);
  const size = entry.type === "file" ? sizeText(entry.sizeBytes) : entry.type;
  return [
    id,
    time(new Date(takenAt)),
    tinted(content.padEnd("CONTENT".length), TINTS[content], look),
    size.padStart(9),
    time(new Date(Number(entry.mtimeNs / 1_000_000n))),
    `${shownPath(path)}${linkText(entry)}`,
  ].join("  ");
}

/** The index's own words for the file, and whose they are. */
function versionJson({ id, takenAt, content, entry }: Version): string {
  const { heldBy: _, ...file } = JSON.parse(formatEntry({ ...entry, heldBy: id })) as Record<string, unknown>;
  return JSON.stringify({ id, takenAt, content, ...file });
}
