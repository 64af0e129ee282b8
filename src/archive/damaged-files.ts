import { printable } from "./tar-member.ts";

/** Files that a backup has, but not whole (`IndexEntry.damage`): all of them counted, the first ten kept. */
export class DamagedFiles {
  count = 0;
  readonly #first: Buffer[] = [];

  /** `path` as in the archive. */
  add(path: Buffer): void {
    this.count += 1;
    if (this.#first.length < KEPT) this.#first.push(Buffer.from(path));
  }

  /** For a person; undefined if all are whole. */
  get sentence(): string | undefined {
    if (this.count === 0) return undefined;
    const names = this.#first.map((path) => `'${printable(path.subarray("backup/".length))}'`).join(", ");
    const more = this.count > KEPT ? ` and ${this.count - KEPT} more` : "";
    const what = this.count === 1 ? "1 file is" : `${this.count} files are`;
    return `${what} not whole: zeros stand for what could not be read when the backup was made: ${names}${more}`;
  }
}

const KEPT = 10;
