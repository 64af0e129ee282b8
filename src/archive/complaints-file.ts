import { readSync } from "node:fs";
import { open, rm, type FileHandle } from "node:fs/promises";
import { TarComplaints } from "./tar-complaints.ts";

/**
 * GNU tar's stderr as a file without a name. Unlike a pipe it has an order against what tar writes to its stdout: when
 * the last byte of a file has come out of that, all that tar had to say of the file's content can be read here.
 */
export class ComplaintsFile implements AsyncDisposable {
  readonly complaints = new TarComplaints();
  readonly #handle: FileHandle;
  readonly #block = Buffer.alloc(64 * 1024);
  #readBytes = 0;
  #partial = "";

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Made at `path` and removed from there at once: it goes with its last user. Rejects if there is such a file. */
  static async create(path: string): Promise<ComplaintsFile> {
    const handle = await open(path, "wx+", 0o600);
    await rm(path);
    return new ComplaintsFile(handle);
  }

  /** For the child that complains. */
  get fd(): number {
    return this.#handle.fd;
  }

  /** The complaints with all that has been said by now. Reads a few bytes from the page cache, so it does not wait. */
  upToDate(): TarComplaints {
    for (;;) {
      const count = readSync(this.#handle.fd, this.#block, 0, this.#block.length, this.#readBytes);
      if (count === 0) return this.complaints;
      this.#readBytes += count;
      const lines = (this.#partial + this.#block.toString("latin1", 0, count)).split("\n");
      this.#partial = lines.pop() ?? "";
      for (const line of lines) if (line) this.complaints.add(line);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}
