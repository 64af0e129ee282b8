import { open, type FileHandle } from "node:fs/promises";
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
  await using file = await open(path, "wx", 0o600);
  const stop = new AbortController();
  const program = server.start(call, AbortSignal.any([signal, stop.signal]));
  let failure: Error | undefined;
  try {
    await writeAll(program.stdout as AsyncIterable<Buffer>, file);
  } catch (error) {
    failure = error as Error;
    stop.abort(error);
  }
  // A program that was killed closes its output like one that is done: only its end tells.
  const { stderr } = await program.done;
  if (failure !== undefined) throw failure;
  return stderr;
}

/**
 * As `outputToFile`, of a program that takes `--file` and `--no-sync`: where it runs in this image it writes the file
 * itself, which takes a quarter less time. A dump then says in its table of contents where each table begins.
 */
export async function dumpToFile(
  server: PostgresServer,
  call: ProgramCall,
  path: string,
  signal: AbortSignal,
): Promise<string> {
  if (server.programs === "server") return await outputToFile(server, call, path, signal);
  // Made here, so that nobody else may read it.
  await (await open(path, "wx", 0o600)).close();
  return await runToEnd(server, { ...call, args: [...call.args, "--no-sync", `--file=${path}`] }, signal);
}

/** Each write is a way to another thread and back; a piece of output may have 4 KiB. */
const BUFFER_BYTES = 1024 * 1024;

/** Gathers the pieces into one of two buffers while the other is being written. */
async function writeAll(pieces: AsyncIterable<Buffer>, file: FileHandle): Promise<void> {
  let [filling, other] = [Buffer.allocUnsafeSlow(BUFFER_BYTES), Buffer.allocUnsafeSlow(BUFFER_BYTES)];
  let filled = 0;
  let writing: Promise<void> = Promise.resolve();
  const write = async () => {
    await writing;
    writing = writeWhole(file, filling.subarray(0, filled));
    writing.catch(() => {
      // Told when the next one is written, or at the end.
    });
    [filling, other, filled] = [other, filling, 0];
  };
  try {
    for await (const piece of pieces) {
      for (let at = 0; at < piece.length;) {
        const copied = piece.copy(filling, filled, at);
        at += copied;
        filled += copied;
        if (filled === filling.length) await write();
      }
    }
    await write();
  } finally {
    await writing;
  }
}

/** A single write may stop short, on a disk that is full. */
async function writeWhole(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at)).bytesWritten;
}

/** Runs a program whose output does not matter. Resolves with the end of its stderr; rejects as `RunningProgram.done`. */
export async function runToEnd(
  server: Pick<PostgresServer, "start">,
  call: ProgramCall,
  signal: AbortSignal,
): Promise<string> {
  const program = server.start(call, signal);
  program.stdout.resume();
  return (await program.done).stderr;
}
