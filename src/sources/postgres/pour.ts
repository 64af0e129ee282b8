import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { printDump, readableDump } from "./dump-file.ts";
import { psqlArgs } from "./psql-args.ts";
import type { PostgresServer } from "./server.ts";
import { literal } from "./sql.ts";

export interface Pouring {
  readonly database: string;
  /** Of the dump, a file of this machine. */
  readonly path: string;
  /** More arguments of pg_restore, that narrow what is loaded. */
  readonly args: readonly string[];
  /** What the names in functions are looked up in, in place of nothing; as SET has it. */
  readonly searchPath?: string | undefined;
  /** Of what psql says when it fails. */
  readonly verbosity: "terse" | "verbose";
  /** From the first line on that matches, no line is looked at any more; undefined: all are. */
  readonly until?: RegExp;
  /** Told now and then how much of the dump has been read. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/**
 * Loads a dump as text, without what the server does not understand: pg_restore prints, psql runs what it prints.
 * Resolves once both have ended well; rejects with the ChildError of the one that ended first in another way.
 */
export async function pour(server: PostgresServer, pouring: Pouring, signal: AbortSignal): Promise<void> {
  const { database, path, args, verbosity, onProgress } = pouring;
  const dump = await readableDump(path, server, signal);
  const knowsRestrict = dump.reader !== undefined || (await psqlKnowsRestrict(server, signal));
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const sql = new PassThrough();
  const psql = psqlArgs(verbosity, ["--output=/dev/null"]);
  const printing = printDump(dump, args, both, onProgress);
  const running = server.start({ program: "psql", args: psql, database, input: sql }, both);
  running.stdout.resume();
  const failures: unknown[] = [];
  const follow = async (done: Promise<unknown>) => {
    try {
      await done;
    } catch (error) {
      failures.push(error);
      stop.abort(error);
      sql.destroy();
    }
  };
  const understanding = { ...pouring, knowsRestrict };
  const flow = pipeline(printing.stdout, (chunks) => understood(chunks as AsyncIterable<Buffer>, understanding), sql);
  flow.catch(() => {
    // Whoever of the two ended too early says why.
  });
  await Promise.all([follow(printing.done), follow(running.done)]);
  signal.throwIfAborted();
  if (failures.length > 0) throw failures[0];
  await flow;
}

/** What pg_dump and pg_restore write down for servers newer than this one (foreign-words.ts, and 17's transaction_timeout). */
const FOREIGN = /^(ALTER .* SET \(pg_attver=\d+\);|SET transaction_timeout = 0;)$/;

/** Between them psql takes no commands of its own. No row begins so: a backslash is written as two. */
const RESTRICT = /^\\(un)?restrict \w+$/;

const SEARCH_PATH = "SELECT pg_catalog.set_config('search_path', '', false);";

interface Understanding extends Pick<Pouring, "until" | "searchPath"> {
  readonly knowsRestrict: boolean;
}

async function* understood(
  sql: AsyncIterable<Buffer>,
  { until, searchPath, knowsRestrict }: Understanding,
): AsyncGenerator<Buffer, void> {
  let line: Buffer = Buffer.alloc(0);
  let isOver = false;
  const translated = (one: Buffer): Buffer | undefined => {
    const said = one.toString("latin1", 0, one.length - 1);
    isOver ||= until?.test(said) ?? false;
    if (!knowsRestrict && RESTRICT.test(said)) return undefined;
    if (isOver) return one;
    if (FOREIGN.test(said)) return undefined;
    if (searchPath === undefined || said !== SEARCH_PATH) return one;
    return Buffer.from(`SELECT pg_catalog.set_config('search_path', ${literal(searchPath)}, false);\n`);
  };
  for await (const chunk of sql) {
    line = line.length === 0 ? chunk : Buffer.concat([line, chunk]);
    for (let end = line.indexOf(NEWLINE); end >= 0 && !(isOver && knowsRestrict); end = line.indexOf(NEWLINE)) {
      const kept = translated(line.subarray(0, end + 1));
      if (kept) yield kept;
      line = line.subarray(end + 1);
    }
    if (!isOver || !knowsRestrict) continue;
    yield line;
    line = Buffer.alloc(0);
  }
  yield line;
}

const NEWLINE = 0x0a;

/** The first minor release of each major whose psql knows \restrict; all from 18 on do. */
const FIRST_WITH_RESTRICT = new Map([
  [13, 22],
  [14, 19],
  [15, 14],
  [16, 10],
  [17, 6],
]);

/** This image's pg_restore begins with it, and a server's own psql may be years older. */
async function psqlKnowsRestrict(server: PostgresServer, signal: AbortSignal): Promise<boolean> {
  if (server.programs === "image") return true;
  const psql = server.start({ program: "psql", args: ["--version"], database: server.entrance }, signal);
  const said = await text(psql.stdout);
  await psql.done;
  const [, major, minor] = /\(PostgreSQL\) (\d+)\.(\d+)/.exec(said) ?? [];
  return Number(minor ?? 0) >= (FIRST_WITH_RESTRICT.get(Number(major)) ?? (Number(major) < 13 ? Infinity : 0));
}
