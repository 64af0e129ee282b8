import { readdir } from "node:fs/promises";
import { printable } from "../../sources/names.ts";
import { readSqliteHeader } from "../../sources/sqlite/header.ts";
import { checkInOwnProcess } from "../../sources/sqlite/own-process.ts";
import { at, below, look } from "./paths.ts";

/** A staged database that is not whole. */
export interface Flaw {
  /** Relative to the sources, printable. */
  readonly database: string;
  readonly problem: string;
}

/** What the kernel takes. */
const MAX_PATH_BYTES = 4095;

/**
 * Opens every SQLite database at or below `root` and checks it through. `path` names the root in what is found.
 * Rejects when one cannot be checked within `timeoutMs`.
 */
export async function checkDatabases(
  root: string,
  path: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<readonly Flaw[]> {
  const flaws: Flaw[] = [];
  const visit = async (relative: string): Promise<void> => {
    signal.throwIfAborted();
    const here = at(root, relative);
    if (here.length > MAX_PATH_BYTES) return; // Nor does SQLite, or the stack by this path, reach what is there.
    const stats = await look(here);
    if (stats?.isDirectory()) {
      for (const name of await readdir(here, { encoding: "latin1" })) await visit(below(relative, name));
    } else if (stats?.isFile() && (await readSqliteHeader(here))) {
      const database = printable([Buffer.from(path).toString("latin1"), relative].filter(Boolean).join("/"));
      const copy = here.toString("utf8");
      if (!Buffer.from(copy).equals(here)) return; // SQLite opens names in UTF-8 only; no other program has it open.
      for (const problem of (await checkInOwnProcess({ copy, name: database, timeoutMs }, signal)).flaws) {
        flaws.push({ database, problem });
      }
    }
  };
  await visit("");
  return flaws;
}
