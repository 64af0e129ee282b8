import { PassThrough } from "node:stream";
import { once } from "node:events";
import type { IndexEntry } from "./format.ts";

/** One line of the index file: the entry as JSON, and a newline. */
export function formatEntry(entry: IndexEntry): string {
  const line = {
    ...named("path", entry.path),
    type: entry.type,
    sizeBytes: entry.sizeBytes,
    mode: entry.mode.toString(8).padStart(4, "0"),
    uid: entry.uid,
    gid: entry.gid,
    mtimeNs: entry.mtimeNs.toString(),
    ...(entry.linkTarget ? named("linkTarget", entry.linkTarget) : {}),
    ...(entry.sha256 === undefined ? {} : { sha256: entry.sha256 }),
    heldBy: entry.heldBy,
  };
  return `${JSON.stringify(line)}\n`;
}

/** Bytes that are not UTF-8 are given in base64, under a name of their own. */
function named(key: string, bytes: Buffer): Record<string, string> {
  const text = bytes.toString("utf8");
  return Buffer.from(text, "utf8").equals(bytes) ? { [key]: text } : { [`${key}Base64`]: bytes.toString("base64") };
}

/** Takes entries one by one and gives the index as a stream of bytes, at the pace of whoever reads it. */
export class IndexWriter {
  readonly bytes = new PassThrough({ highWaterMark: 256 * 1024 });
  entries = 0;
  readonly #signal: AbortSignal;
  #lines = "";

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    this.bytes.on("error", () => {
      // Whoever reads the bytes is told.
    });
  }

  async add(entry: IndexEntry): Promise<void> {
    this.entries += 1;
    this.#lines += formatEntry(entry);
    if (this.#lines.length >= BATCH_CHARACTERS) await this.#flush();
  }

  async end(): Promise<void> {
    await this.#flush();
    this.bytes.end();
  }

  /** Makes the reader of `bytes` fail with `reason`: an index that breaks off is never a whole one. */
  fail(reason: unknown): void {
    this.bytes.destroy(reason instanceof Error ? reason : new Error(String(reason)));
  }

  async #flush(): Promise<void> {
    const lines = this.#lines;
    this.#lines = "";
    if (lines !== "" && !this.bytes.write(lines)) await once(this.bytes, "drain", { signal: this.#signal });
  }
}

const BATCH_CHARACTERS = 64 * 1024;
