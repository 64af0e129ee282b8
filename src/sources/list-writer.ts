import { open, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { fullDisk } from "../system/disk-failure.ts";

/** Writes a list of NUL-terminated paths to a file, in blocks, so that it may be longer than memory. */
export class ListWriter implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #folder: string;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;

  private constructor(file: FileHandle, folder: string) {
    this.#file = file;
    this.#folder = folder;
  }

  /** Rejects if `path` exists already. */
  static async create(path: string): Promise<ListWriter> {
    return new ListWriter(await open(path, "wx", 0o600), dirname(path));
  }

  /** Resolves when there is room for more. `path` is relative, without "./"; empty for the root itself. */
  async add(path: Buffer): Promise<void> {
    await this.#write(path.length === 0 ? ROOT : Buffer.concat([PREFIX, path, NUL]));
  }

  /** As `add`, for a list of folders with their identities (`Walked.foldersFile`). */
  async addIdentified(identity: string, path: Buffer): Promise<void> {
    await this.#write(Buffer.concat([Buffer.from(`${identity} `), path, NUL]));
  }

  async #write(entry: Buffer): Promise<void> {
    this.#waiting.push(entry);
    this.#waitingBytes += entry.length;
    if (this.#waitingBytes >= BLOCK_BYTES) await this.flush();
  }

  async flush(): Promise<void> {
    const block = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    await this.#file.writeFile(block).catch((error: unknown) => {
      throw fullDisk(error, "write a list of files", this.#folder);
    });
  }

  /** Closes the file; what was not flushed is lost, because nobody may read a list that was given up. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

const ROOT = Buffer.from(".\0");
const PREFIX = Buffer.from("./");
const NUL = Buffer.from("\0");
const BLOCK_BYTES = 64 * 1024;
