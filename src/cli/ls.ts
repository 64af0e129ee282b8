import { exitCodes } from "../errors.ts";
import { printable } from "../report/printable.ts";
import type { Look } from "../report/table.ts";
import { sizeText, timeText } from "../report/units.ts";
import { shownMember } from "../run/catalogue/paths.ts";
import { formatEntry, listEntries, type IndexEntry } from "../run/look/ls.ts";
import { given, type CommandLine, type Options } from "./command.ts";

export function addLs({ command, assembled, print, end, world: { signal } }: CommandLine): void {
  command("ls <id> [path]", "show the files in a backup, or below a path in it")
    .option("--target <name>", "only from this target")
    .action(async (id: string, path: string | undefined, { json, target }: Options) => {
      const tools = await assembled("restore");
      const warn = (sentence: string) => {
        tools.log.warn(sentence);
        end(exitCodes.degraded);
      };
      const wanted = { id, ...given({ path, target }) };
      const text = (entry: IndexEntry) => (json ? formatEntry(entry).trimEnd() : entryText(entry, tools.look));
      for await (const entries of listEntries(wanted, tools, warn, signal)) {
        if (entries.length > 0) print(entries.map(text).join("\n"));
      }
    });
}

/** As `ls -l` has it. */
function entryText(entry: IndexEntry, look: Look): string {
  const type = { file: "-", folder: "d", symlink: "l", hardlink: "h" }[entry.type];
  const bits = [..."rwxrwxrwx"].map((letter, at) => (entry.mode & (1 << (8 - at)) ? letter : "-")).join("");
  const owner = `${entry.uid}:${entry.gid}`.padStart(11);
  const time = timeText(new Date(Number(entry.mtimeNs / 1_000_000n)), look.timeZone);
  const path = `${shownMember(entry.path)}${linkText(entry)}`;
  return `${type}${bits} ${owner} ${sizeText(entry.sizeBytes).padStart(9)} ${time} ${path}`;
}

/** Where a link leads: what it says itself, or the file that it is another name of. */
export function linkText({ type, linkTarget }: Pick<IndexEntry, "type" | "linkTarget">): string {
  if (!linkTarget) return "";
  return ` -> ${type === "hardlink" ? shownMember(linkTarget) : printable(linkTarget.toString("utf8"))}`;
}
