import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { PostgresServer, ProgramCall } from "./server.ts";

/**
 * Writes what a program prints to a new file. Resolves with the end of its stderr once it has ended with exit code 0 and
 * all of it is written; not synced, as the spool outlives no power cut. Rejects as `RunningProgram.done` does, or for
 * the file; the program has ended then too.
 */
export async function outputToFile(
  server: PostgresServer,
  call: ProgramCall,
  path: string,
  signal: AbortSignal,
): Promise<string> {
  const stop = new AbortController();
  const program = server.start(call, AbortSignal.any([signal, stop.signal]));
  let failure: Error | undefined;
  try {
    await pipeline(program.stdout, createWriteStream(path, { flags: "wx", mode: 0o600, highWaterMark: BUFFER_BYTES }));
  } catch (error) {
    failure = error as Error;
    stop.abort(error);
  }
  // A program that was killed closes its output like one that is done: only its end tells.
  const { stderr } = await program.done;
  if (failure !== undefined) throw failure;
  return stderr;
}

/** So that the program does not wait for each write. */
const BUFFER_BYTES = 1024 * 1024;

/** Runs a program whose output does not matter. Resolves and rejects as `RunningProgram.done` does. */
export async function runToEnd(
  server: Pick<PostgresServer, "start">,
  call: ProgramCall,
  signal: AbortSignal,
): Promise<void> {
  const program = server.start(call, signal);
  program.stdout.resume();
  await program.done;
}
