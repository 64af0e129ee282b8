import { finished } from "node:stream/promises";
import type { Writable } from "node:stream";
import { isSystemError } from "../system/files.ts";
import { startChild, type Command } from "../system/children.ts";

/** Bytes on their way through the archive's stages. A stage that fails, fails whoever reads from it. */
export type Bytes = AsyncIterable<Buffer>;

/**
 * Runs bytes through a program. The end of what it gives is only reached once the input has ended well and the
 * program has exited with 0: a killed child or a failed stage before it is never taken for the end of the data.
 * The program is ended when the reader stops early or `signal` is aborted.
 */
export async function* throughChild(command: Command, input: Bytes, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  const stop = new AbortController();
  const child = startChild(command, { signal: AbortSignal.any([signal, stop.signal]) });
  const feeding = feed(input, child.stdin);
  feeding.catch(() => {
    // Told below, together with the program's own end.
  });
  try {
    yield* childOutput(child.stdout);
    await bothEndedWell(feeding, child.done);
  } finally {
    stop.abort(new Error("the reader stopped early"));
    await Promise.allSettled([feeding, child.done]);
  }
}

/** Asks for the next bytes only when those before are written: their memory may be used again then. */
async function feed(input: Bytes, stdin: Writable): Promise<void> {
  stdin.on("error", () => {
    // Told by the write that it ends.
  });
  try {
    for await (const chunk of input) await written(stdin, chunk);
    stdin.end();
    await finished(stdin);
  } catch (error) {
    stdin.destroy();
    throw error;
  }
}

async function written(stream: Writable, chunk: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    stream.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}

/** What a child prints. A stream that breaks off ends here too; its exit code, read next, says why. */
export async function* childOutput(stdout: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  try {
    yield* stdout;
  } catch (error) {
    if (!isSystemError(error, "ERR_STREAM_PREMATURE_CLOSE", "ABORT_ERR")) throw error;
  }
}

/** Rejects with the failure that came first in the chain: the input's own, unless it only says that the child left. */
export async function bothEndedWell(feeding: Promise<void>, done: Promise<unknown>): Promise<void> {
  const [fed, ended] = await Promise.allSettled([feeding, done]);
  const childLeft =
    fed.status === "rejected" &&
    isSystemError(fed.reason, "EPIPE", "ERR_STREAM_PREMATURE_CLOSE", "ERR_STREAM_DESTROYED");
  if (fed.status === "rejected" && !(childLeft && ended.status === "rejected")) throw fed.reason;
  if (ended.status === "rejected") throw ended.reason;
}
