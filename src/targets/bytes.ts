import { createHash } from "node:crypto";
import { constants, open } from "node:fs/promises";
import { Writable } from "node:stream";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { StoredDigest } from "./target.ts";

/** Large reads: at 64 KiB, the default, the event loop is what limits a copy between two fast disks. */
export const CHUNK_BYTES = 1024 * 1024;

/** Size and SHA-256 of everything in `stream`. Rejects as the stream does, or with the signal's reason. */
export async function digestOfStream(
  stream: Readable,
  signal: AbortSignal,
  onBytes?: (totalBytes: number) => void,
): Promise<StoredDigest> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      onBytes?.(sizeBytes);
      done();
    },
  });
  const ended = pipeline(stream, sink, { signal });
  await orAborted(ended, signal);
  return { sizeBytes, sha256: hash.digest("hex") };
}

/** Size and SHA-256 of a file. A symbolic link in its place is an error (ELOOP), not followed. */
export async function digestOfFile(
  path: string,
  signal: AbortSignal,
  onBytes?: (totalBytes: number) => void,
): Promise<StoredDigest> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  return await digestOfStream(handle.createReadStream({ highWaterMark: CHUNK_BYTES }), signal, onBytes);
}

/** What `work` gives, or the signal's reason as soon as that aborts: for work that itself cannot be interrupted. */
export function orAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
