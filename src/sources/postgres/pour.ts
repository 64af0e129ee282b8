import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { dumpBytes } from "./dump-bytes.ts";
import { psqlArgs } from "./psql-args.ts";
import type { PostgresServer } from "./server.ts";

export interface Pouring {
  readonly database: string;
  /** Of the dump, a file of this machine. */
  readonly path: string;
  /** More arguments of pg_restore, that narrow what is loaded. */
  readonly args: readonly string[];
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
export async function pour(
  server: PostgresServer,
  { database, path, args, verbosity, until, onProgress }: Pouring,
  signal: AbortSignal,
): Promise<void> {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const dump = dumpBytes(path, onProgress);
  const sql = new PassThrough();
  const psql = psqlArgs(verbosity, ["--output=/dev/null"]);
  const printing = server.start({ program: "pg_restore", args: [...args, "--file=-"], database, input: dump }, both);
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
  const pouring = pipeline(printing.stdout, (chunks) => understood(chunks as AsyncIterable<Buffer>, until), sql);
  pouring.catch(() => {
    // Whoever of the two ended too early says why.
  });
  await Promise.all([follow(printing.done), follow(running.done)]);
  dump.destroy();
  signal.throwIfAborted();
  if (failures.length > 0) throw failures[0];
  await pouring;
}

/** What pg_dump and pg_restore write down for servers newer than this one (foreign-words.ts, and 17's transaction_timeout). */
const FOREIGN = /^(ALTER .* SET \(pg_attver=\d+\);|SET transaction_timeout = 0;)$/;

async function* understood(sql: AsyncIterable<Buffer>, until: RegExp | undefined): AsyncGenerator<Buffer, void> {
  let line: Buffer = Buffer.alloc(0);
  let isOver = false;
  for await (const chunk of sql) {
    line = line.length === 0 ? chunk : Buffer.concat([line, chunk]);
    for (let end = line.indexOf(NEWLINE); end >= 0 && !isOver; end = line.indexOf(NEWLINE)) {
      const text = line.toString("latin1", 0, end);
      isOver = until?.test(text) ?? false;
      if (!FOREIGN.test(text)) yield line.subarray(0, end + 1);
      line = line.subarray(end + 1);
    }
    if (!isOver) continue;
    yield line;
    line = Buffer.alloc(0);
  }
  yield line;
}

const NEWLINE = 0x0a;
