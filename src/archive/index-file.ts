import { once } from "node:events";
import { PassThrough } from "node:stream";
import { basename } from "node:path";
import { LifeboatError } from "../errors.ts";
import type { IndexEntry, OpeningKeys } from "./format.ts";
import { formatEntry, parseEntry } from "./index-entry.ts";
import type { Bytes } from "./through-child.ts";
import { openSealed } from "./unseal.ts";

export { formatEntry, parseEntry };

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

/**
 * The entries of a sealed index, in the order of the archive. Rejects with "wrong-key", and with "verification-failed"
 * naming the line that is not an entry.
 */
export async function* readIndex(
  path: string,
  keys: OpeningKeys,
  signal: AbortSignal,
): AsyncGenerator<IndexEntry, void> {
  yield* entriesIn(await openSealed(path, keys, signal), basename(path));
}

/** As `readIndex`, from what is inside; `name` is that of the file, for a person. */
export async function* entriesIn(bytes: Bytes, name: string): AsyncGenerator<IndexEntry, void> {
  let number = 0;
  for await (const lines of indexLines(bytes)) {
    for (const line of lines) {
      number += 1;
      yield entryIn(line, () => `line ${number} of '${name}'`);
    }
  }
}

/** The entry that a line is. Throws "verification-failed" if it is none; `place` names the line. */
export function entryIn(line: string, place: () => string): IndexEntry {
  try {
    return parseEntry(line);
  } catch (error) {
    throw new LifeboatError("verification-failed", `${place()} is not an index entry`, { cause: error });
  }
}

/**
 * The lines of an index, many at a time and without their newlines. Rejects with "verification-failed" where it breaks
 * off in the middle of one.
 */
export async function* indexLines(bytes: Bytes): AsyncGenerator<readonly string[], void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of bytes) {
    const end = chunk.lastIndexOf(NEWLINE);
    if (end !== -1) {
      const whole = chunk.subarray(0, end);
      yield (rest.length === 0 ? whole : Buffer.concat([rest, whole])).toString("utf8").split("\n");
      rest = Buffer.from(chunk.subarray(end + 1));
    } else rest = Buffer.concat([rest, chunk]);
    if (rest.length > MAX_LINE_BYTES) throw new LifeboatError("verification-failed", "the index has an endless line");
  }
  if (rest.length > 0) throw new LifeboatError("verification-failed", "the index ends in the middle of a line");
}

const NEWLINE = 0x0a;
/** Two paths of 4096 bytes, each byte escaped, and room for the rest. */
const MAX_LINE_BYTES = 64 * 1024;
