import { createWriteStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { PostgresServer, ProgramCall } from "./server.ts";

/**
 * Writes what a program prints to a new file. Resolves with the end of its stderr once it has ended with exit code 0 and
 * the file is on the disk. Rejects as `RunningProgram.done` does, or for the file; the program has ended then too.
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
    await pipeline(program.stdout, createWriteStream(path, { flags: "wx", mode: 0o600 }));
  } catch (error) {
    failure = error as Error;
    stop.abort(error);
  }
  // A program that was killed closes its output like one that is done: only its end tells.
  const { stderr } = await program.done;
  if (failure !== undefined) throw failure;
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  return stderr;
}

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
