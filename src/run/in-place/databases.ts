import { readdir } from "node:fs/promises";
import { printable } from "../../sources/names.ts";
import { readSqliteHeader } from "../../sources/sqlite/header.ts";
import { checkInProcesses } from "../../sources/sqlite/check-in-processes.ts";
import { at, below, identityOf, look } from "./paths.ts";

/** A staged database that is not whole, or may not be. */
export interface Flaw {
  /** Relative to the sources, printable. */
  readonly database: string;
  readonly problem: string;
  /** "unknown": it could not be checked to the end. */
  readonly kind: "damage" | "unknown";
}

/** What the kernel takes. */
const MAX_PATH_BYTES = 4095;

/**
 * Opens every SQLite database at or below `root` and checks it through. `path` names the root in what is found.
 * One whose check is not over within `timeoutMs` is not known to be whole.
 */
export async function checkDatabases(
  root: string,
  path: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<readonly Flaw[]> {
  const flaws: Flaw[] = [];
  const checked = new Set<string>();
  const visit = async (relative: string): Promise<void> => {
    signal.throwIfAborted();
    const here = at(root, relative);
    if (here.length > MAX_PATH_BYTES) return; // Nor does SQLite, or the stack by this path, reach what is there.
    const stats = await look(here);
    if (stats?.isDirectory()) {
      for (const name of await readdir(here, { encoding: "latin1" })) await visit(below(relative, name));
    } else if (stats?.isFile() && (await readSqliteHeader(here))) {
      // Another name of the same file.
      if (checked.has(identityOf(stats))) return;
      checked.add(identityOf(stats));
      const database = printable([Buffer.from(path).toString("latin1"), relative].filter(Boolean).join("/"));
      const copy = here.toString("utf8");
      if (!Buffer.from(copy).equals(here)) return; // SQLite opens names in UTF-8 only; no other program has it open.
      const { flaws: damage, brokeOff } = await checkInProcesses({ copy, timeoutMs }, signal);
      flaws.push(...damage.map((problem) => ({ database, problem, kind: "damage" as const })));
      if (brokeOff !== null) flaws.push({ database, problem: brokeOff, kind: "unknown" });
    }
  };
  await visit("");
  return flaws;
}
