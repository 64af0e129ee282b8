import { text } from "node:stream/consumers";
import { printDump, type DumpFile } from "./dump-file.ts";

/** A dump's table of contents, as pg_restore shows it. */
export interface TableOfContents {
  /** Major of the server that was dumped. */
  readonly dumpedFrom: number;
  /** Major of the pg_dump that wrote it. No older pg_restore is sure to read it. */
  readonly writtenBy: number;
  /** In the order in which they are restored, each as a list for `--use-list` has it. */
  readonly entries: readonly string[];
}

/** Reads it. Rejects with a ChildError if pg_restore cannot. */
export async function tableOfContents(dump: DumpFile, signal: AbortSignal): Promise<TableOfContents> {
  const program = printDump(dump, ["--list"], signal);
  const list = await text(program.stdout);
  await program.done;
  const majorAfter = (words: string) => Number(new RegExp(`^; +${words} version: (\\d+)`, "m").exec(list)?.[1] ?? 0);
  return {
    dumpedFrom: majorAfter("Dumped from database"),
    writtenBy: majorAfter("Dumped by pg_dump"),
    entries: list.split("\n").filter((line) => /^\d+; /.test(line)),
  };
}

/** True of an event trigger, and of what is said about one. */
export function isOfEventTrigger(entry: string): boolean {
  return /^\d+; \d+ \d+ (?:EVENT TRIGGER - |(?:COMMENT|SECURITY LABEL) - EVENT TRIGGER )/.test(entry);
}

/** True of an extension that lives in a schema of its own, and of all that belongs to it and is in there. */
export function isOfExtension(entry: string, extension: string, schema: string): boolean {
  const words = `(?:EXTENSION - ${extension}|COMMENT - EXTENSION ${extension}|[A-Z ]+ - SCHEMA ${schema}|[A-Z ]+ ${schema})`;
  return new RegExp(`^\\d+; \\d+ \\d+ ${words}(?= |$)`).test(entry);
}

/** The written names of the subscriptions. */
export function subscriptionsIn({ entries }: TableOfContents): readonly string[] {
  return entries.flatMap((entry) => /^\d+; \d+ \d+ SUBSCRIPTION - (.+) \S+$/.exec(entry)?.[1] ?? []);
}
