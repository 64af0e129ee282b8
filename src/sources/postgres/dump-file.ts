import { startChild } from "../../system/children.ts";
import type { RunningProgram } from "../server-container.ts";
import { dumpBytes } from "./dump-bytes.ts";
import type { PostgresServer } from "./server.ts";

/** A dump on this machine's disk, and whose pg_restore can read it. */
export interface DumpFile {
  readonly path: string;
  /** Undefined: this image's. A server's own where that is newer than the image. */
  readonly reader?: PostgresServer;
}

/** Has pg_restore print what `args` ask for as SQL. */
export function printDump({ path, reader }: DumpFile, args: readonly string[], signal: AbortSignal): RunningProgram {
  const all = ["--file=-", ...args];
  if (reader) {
    const input = dumpBytes(path);
    return reader.start({ program: "pg_restore", args: all, database: reader.entrance, input }, signal);
  }
  const child = startChild({ program: "pg_restore", args: [...all, path] }, { signal });
  child.stdin.end();
  return child;
}
