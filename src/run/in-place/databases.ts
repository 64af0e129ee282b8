import { readdir } from "node:fs/promises";
import { LifeboatError } from "../../errors.ts";
import { printable } from "../../sources/names.ts";
import { checkCopy } from "../../sources/sqlite/check.ts";
import { readSqliteHeader } from "../../sources/sqlite/header.ts";
import type { Clock } from "../../system/clock.ts";
import { at, below, look } from "./paths.ts";

/** A staged database that is not whole. */
export interface Flaw {
  /** Relative to the sources, printable. */
  readonly database: string;
  readonly problem: string;
}

/** Opens every SQLite database at or below `root` and checks it through. `path` names the root in what is found. */
export async function checkDatabases(
  root: string,
  path: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly Flaw[]> {
  const flaws: Flaw[] = [];
  const visit = async (relative: string): Promise<void> => {
    signal.throwIfAborted();
    const here = at(root, relative);
    const stats = await look(here);
    if (stats?.isDirectory()) {
      for (const name of await readdir(here, { encoding: "latin1" })) await visit(below(relative, name));
    } else if (stats?.isFile() && (await readSqliteHeader(here))) {
      const database = printable([Buffer.from(path).toString("latin1"), relative].filter(Boolean).join("/"));
      for (const problem of checkOne(here, clock)) flaws.push({ database, problem });
    }
  };
  await visit("");
  return flaws;
}

function checkOne(path: Buffer, clock: Clock): readonly string[] {
  const text = path.toString("utf8");
  if (!Buffer.from(text).equals(path)) return []; // SQLite opens names in UTF-8 only; no other program has it open.
  try {
    return checkCopy(text, clock).flaws;
  } catch (error) {
    throw new LifeboatError("failed", `database '${printable(path)}' cannot be checked`, { cause: error });
  }
}
