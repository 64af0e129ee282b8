import { LifeboatError } from "../errors.ts";
import type { Bytes } from "./through-child.ts";

/** Reads a stream of bytes in the pieces that a packet format asks for. */
export class ByteSource {
  readonly #chunks: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(bytes: Bytes) {
    this.#chunks = bytes[Symbol.asyncIterator]();
  }

  /** Exactly `length` bytes. Rejects with "verification-failed" if there are fewer. */
  async take(length: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let missing = length; missing > 0;) {
      const piece = await this.some(missing);
      if (!piece) throw new LifeboatError("verification-failed", "the encrypted data ends too early");
      pieces.push(piece);
      missing -= piece.length;
    }
    return Buffer.concat(pieces);
  }

  /** One to `most` bytes, whatever is at hand, without copying; undefined at the end. */
  async some(most: number): Promise<Buffer | undefined> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done) return undefined;
      this.#rest = next.value;
    }
    const piece = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(piece.length);
    return piece;
  }

  /** Lets go of the stream behind; nothing can be read any more. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
