import type { Readable } from "node:stream";
import { LifeboatError } from "../errors.ts";

/**
 * The standard output in an attached stream of the engine, in which it and standard error come in frames: one byte that
 * says which, three of zero, four of length, the bytes. What is standard error goes to `onStderr`. Reads no further than
 * it is asked to. Rejects if the stream ends within a frame.
 */
export async function* standardOutput(
  stream: Readable,
  onStderr: (bytes: Buffer) => void,
): AsyncGenerator<Buffer, void> {
  let header = Buffer.alloc(0);
  let left = 0;
  let isOutput = false;
  for await (let bytes of stream as AsyncIterable<Buffer>) {
    while (bytes.length > 0) {
      if (left === 0) {
        const missing = HEADER_BYTES - header.length;
        header = Buffer.concat([header, bytes.subarray(0, missing)]);
        bytes = bytes.subarray(missing);
        if (header.length < HEADER_BYTES) break;
        isOutput = header[0] === 1;
        left = header.readUInt32BE(4);
        header = Buffer.alloc(0);
        continue;
      }
      const part = bytes.subarray(0, left);
      bytes = bytes.subarray(part.length);
      left -= part.length;
      if (isOutput) yield part;
      else onStderr(part);
    }
  }
  if (left > 0 || header.length > 0) throw new LifeboatError("failed", "the connection to the Docker engine broke");
}

const HEADER_BYTES = 8;
