import { createHash } from "node:crypto";
import { Writable } from "node:stream";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { orAborted } from "../system/or-aborted.ts";
import type { StoredDigest } from "./target.ts";

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
