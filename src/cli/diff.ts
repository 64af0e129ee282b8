import { exitCodes } from "../errors.ts";
import { printable } from "../report/printable.ts";
import { tinted, type Look } from "../report/table.ts";
import { sizeText, timeText } from "../report/units.ts";
import { shownPath } from "../run/catalogue/paths.ts";
import { diff, type Change } from "../run/look/diff.ts";
import { given, type CommandLine, type Options } from "./command.ts";

interface DiffOptions extends Options {
  readonly content?: boolean;
}

export function addDiff({ command, assembled, print, end, world: { signal } }: CommandLine): void {
  command("diff <id> [id2]", "show what changed from a backup to another, or to the live data below BACKUP_SOURCES")
    .option("--content", "read live files also where size and time are the same")
    .option("--target <name>", "only from this target")
    .action(async (from: string, to: string | undefined, { json, content, target }: DiffOptions) => {
      const tools = await assembled("restore");
      const warn = (sentence: string) => {
        tools.log.warn(sentence);
        end(exitCodes.degraded);
      };
      const counts = { added: 0, removed: 0, changed: 0 };
      const wanted = { from, content: content ?? false, ...given({ to, target }) };
      for await (const change of diff(wanted, tools, warn, signal)) {
        counts[change.change] += 1;
        print(json ? changeJson(change) : changeText(change, tools.look));
      }
      if (!json) print(`${counts.added} added, ${counts.removed} removed, ${counts.changed} changed`);
    });
}

const MARKS = { added: "+", removed: "-", changed: "M" } as const;
const TINTS = { added: "green", removed: "red", changed: "yellow" } as const;

function changeText(change: Change, look: Look): string {
  const slash = change.type === "folder" ? "/" : "";
  const path = `${shownPath(change.path)}${slash}`;
  const how = change.change === "changed" ? `  (${howText(change, look)})` : "";
  return `${tinted(MARKS[change.change], TINTS[change.change], look)} ${path}${how}`;
}

function howText({ how, tables }: Change, look: Look): string {
  const words = how.flatMap(({ what, before, after }) => {
    if (what === "content") return tables ? [] : ["content"];
    const show = (value = "") => {
      if (what === "size") return sizeText(Number(value));
      return what === "time" ? timeText(new Date(value), look.timeZone) : printable(value);
    };
    return [show(before) === show(after) ? what : `${what} ${show(before)} → ${show(after)}`];
  });
  return [...(tables ? [databaseText(tables)] : []), ...words].join(", ");
}

function databaseText(tables: NonNullable<Change["tables"]>): string {
  if (tables.length === 0) return "database: other content in as many rows";
  const words = tables.map(({ table, before, after }) => {
    const name = printable(table);
    if (before === undefined) return `table ${name} added`;
    if (after === undefined) return `table ${name} removed`;
    return `${name} ${before} → ${after} rows`;
  });
  return `database: ${words.join(", ")}`;
}

function changeJson({ path, ...change }: Change): string {
  const text = path.toString("utf8");
  const name = Buffer.from(text).equals(path) ? { path: text } : { pathBase64: path.toString("base64") };
  return JSON.stringify({ ...name, ...change });
}
