import { malformed } from "./tar-header.ts";

/**
 * The map of a sparse file, version 1.0: decimal numbers, a newline after each, filled up with NULs to a whole block.
 * The first number counts the extents; an offset and a size follow for each. Pushed in block by block.
 */
export class SparseMap {
  /** Bytes of content that are stored, all extents together. */
  contentBytes = 0;
  readonly #sizeBytes: number;
  #numbers: number[] = [];
  #count = 0;
  #expected = 1;
  #digits = "";
  #end = 0;

  /** `sizeBytes`: of the file with its holes. */
  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
  }

  /** How many there are; known once the first block has been pushed. */
  get extentCount(): number {
    return (this.#expected - 1) / 2;
  }

  /** True once the map is complete. Throws "verification-failed" for a map that does not add up. */
  push(block: Buffer): boolean {
    for (const byte of block) {
      if (byte === 0x0a) this.#number();
      else if (byte >= 0x30 && byte <= 0x39 && this.#digits.length < 16) this.#digits += String.fromCharCode(byte);
      else throw malformed("a sparse map holds something other than numbers");
      if (this.#count === this.#expected) return true;
    }
    return false;
  }

  /** Offset and size of each extent, in order; of a map that is too large all of them as one. */
  *extents(): Generator<readonly [offset: number, size: number], void> {
    if (this.extentCount > MAX_EXTENTS) yield [0, this.contentBytes];
    for (let at = 1; at < this.#numbers.length; at += 2) yield [this.#numbers[at] ?? 0, this.#numbers[at + 1] ?? 0];
  }

  #number(): void {
    const value = this.#digits === "" ? Number.NaN : Number(this.#digits);
    this.#digits = "";
    if (!Number.isSafeInteger(value)) throw malformed("a sparse map holds something other than numbers");
    const at = this.#count;
    this.#count += 1;
    if (this.extentCount <= MAX_EXTENTS) this.#numbers.push(value);
    if (at === 0) {
      this.#expected = 1 + 2 * value;
    } else if (at % 2 === 1) {
      if (value < this.#end) throw malformed("the extents of a sparse file overlap");
      this.#end = value;
    } else {
      this.#end += value;
      this.contentBytes += value;
      if (this.#end > this.#sizeBytes) throw malformed("an extent lies beyond the end of its sparse file");
    }
  }
}

/** The map is held in memory while its file is read: 64 MiB at most. No backup has a file of more extents. */
export const MAX_EXTENTS = 4 * 1024 * 1024;
