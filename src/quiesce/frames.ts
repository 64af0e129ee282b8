import type { Readable } from "node:stream";
import { LifeboatError } from "../errors.ts";

/**
 * The standard output in an attached stream of the engine, in which it and standard error come in frames: one byte that
 * says which, three of zero, four of length, the bytes. What is standard error goes to `onStderr`. Reads no further than
 * it is asked to, and gives at once what it has read. Changes the chunks of `stream`. Rejects if that ends within a frame.
 */
export async function* standardOutput(
  stream: Readable,
  onStderr: (bytes: Buffer) => void,
): AsyncGenerator<Buffer, void> {
  const frames = new Frames(onStderr);
  for await (const bytes of stream as AsyncIterable<Buffer>) {
    const output = frames.outputOf(bytes);
    if (output.length > 0) yield output;
  }
  if (!frames.isBetween) throw new LifeboatError("failed", "the connection to the Docker engine broke");
}

const HEADER_BYTES = 8;

class Frames {
  readonly #onStderr: (bytes: Buffer) => void;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  /** Of the body under way. */
  #left = 0;

  constructor(onStderr: (bytes: Buffer) => void) {
    this.#onStderr = onStderr;
  }

  /** The stream may end here. */
  get isBetween(): boolean {
    return this.#left === 0 && this.#headerBytes === 0;
  }

  /**
   * Gives the standard output among the next bytes of the stream, moved together where it lies: the engine's frames may
   * be as short as 4 KiB, and what is done for each of them is done some 300,000 times for a GiB.
   */
  outputOf(bytes: Buffer): Buffer {
    let [begin, end] = [0, 0];
    for (let at = 0; at < bytes.length;) {
      if (this.#left === 0) {
        at = this.#readHeader(bytes, at);
        continue;
      }
      const partEnd = Math.min(at + this.#left, bytes.length);
      this.#left -= partEnd - at;
      if (this.#header[0] !== 1) {
        this.#onStderr(Buffer.from(bytes.subarray(at, partEnd)));
      } else if (end === 0) {
        [begin, end] = [at, partEnd];
      } else {
        bytes.copyWithin(end, at, partEnd);
        end += partEnd - at;
      }
      at = partEnd;
    }
    return bytes.subarray(begin, end);
  }

  /** Gives where to go on. */
  #readHeader(bytes: Buffer, at: number): number {
    const copied = bytes.copy(this.#header, this.#headerBytes, at, at + HEADER_BYTES - this.#headerBytes);
    this.#headerBytes += copied;
    if (this.#headerBytes === HEADER_BYTES) {
      this.#left = this.#header.readUInt32BE(4);
      this.#headerBytes = 0;
    }
    return at + copied;
  }
}
