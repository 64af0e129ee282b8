import { pipeline } from "node:stream/promises";
import { ChildError, startChild } from "../../system/children.ts";
import type { RunningProgram } from "../server-container.ts";
import { dumpBytes } from "./dump-bytes.ts";
import type { PostgresServer } from "./server.ts";

/** A dump on this machine's disk, and whose pg_restore can read it. */
export interface DumpFile {
  readonly path: string;
  /** Undefined: this image's. A server's own where that is newer than the image. */
  readonly reader?: PostgresServer;
}

/** Finds out who can read a dump that is for `server`: an older pg_restore does not read what a newer pg_dump wrote. */
export async function readableDump(path: string, server: PostgresServer, signal: AbortSignal): Promise<DumpFile> {
  if (server.programs === "image") return { path };
  const looking = printDump({ path }, ["--list"], signal);
  looking.stdout.resume();
  try {
    await looking.done;
    return { path };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof ChildError)) throw error;
    return { path, reader: server };
  }
}

/**
 * Has pg_restore print what `args` ask for as SQL. With `onProgress` it gets the dump piece by piece, cannot go back in
 * it, and how much it was given is told now and then.
 */
export function printDump(
  { path, reader }: DumpFile,
  args: readonly string[],
  signal: AbortSignal,
  onProgress?: (bytes: number) => void,
): RunningProgram {
  const all = ["--file=-", ...args];
  if (reader) {
    const input = dumpBytes(path, onProgress);
    return reader.start({ program: "pg_restore", args: all, database: reader.entrance, input }, signal);
  }
  const child = startChild({ program: "pg_restore", args: onProgress ? all : [...all, path] }, { signal });
  if (!onProgress) {
    child.stdin.end();
    return child;
  }
  pipeline(dumpBytes(path, onProgress), child.stdin).catch(() => {
    // It ended without reading all of it, or was not given all: its exit code says whether that matters.
  });
  return child;
}
