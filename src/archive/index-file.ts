import { once } from "node:events";
import { PassThrough } from "node:stream";
import { basename } from "node:path";
import { z } from "zod";
import { LifeboatError } from "../errors.ts";
import type { IndexEntry, OpeningKeys } from "./format.ts";
import type { Bytes } from "./through-child.ts";
import { openSealed } from "./unseal.ts";

/** One line of the index file: the entry as JSON, and a newline. */
export function formatEntry(entry: IndexEntry): string {
  const line = {
    ...named("path", entry.path),
    type: entry.type,
    sizeBytes: entry.sizeBytes,
    ...(entry.storedBytes === undefined ? {} : { storedBytes: entry.storedBytes }),
    mode: entry.mode.toString(8).padStart(4, "0"),
    uid: entry.uid,
    gid: entry.gid,
    mtimeNs: entry.mtimeNs.toString(),
    ...(entry.linkTarget ? named("linkTarget", entry.linkTarget) : {}),
    ...(entry.sha256 === undefined ? {} : { sha256: entry.sha256 }),
    ...(entry.damage === undefined ? {} : { damage: entry.damage, storedSha256: entry.storedSha256 }),
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

/**
 * The entries of a sealed index, in the order of the archive. Rejects with "wrong-key", and with "verification-failed"
 * naming the line that is not an entry.
 */
export async function* readIndex(
  path: string,
  keys: OpeningKeys,
  signal: AbortSignal,
): AsyncGenerator<IndexEntry, void> {
  let number = 0;
  for await (const line of linesOf(await openSealed(path, keys, signal))) {
    number += 1;
    try {
      yield parseEntry(line);
    } catch (error) {
      throw new LifeboatError("verification-failed", `line ${number} of '${basename(path)}' is not an index entry`, {
        cause: error,
      });
    }
  }
}

/** Reads one line of the index file, without its newline. Throws when it is not an entry. */
export function parseEntry(line: string): IndexEntry {
  const raw = entrySchema.parse(JSON.parse(line));
  const isLink = raw.type === "symlink" || raw.type === "hardlink";
  const path = bytesOf(raw.path, raw.pathBase64);
  const linkTarget = bytesOf(raw.linkTarget, raw.linkTargetBase64);
  if (!path || isLink !== (linkTarget !== undefined)) throw new Error("it has no path, or a link target it should not");
  const digests = [raw.sha256, raw.storedSha256].filter((digest) => digest !== undefined);
  if (digests.length !== (raw.type === "file" ? 1 : 0)) throw new Error("files have one SHA-256, nothing else does");
  if ((raw.damage === undefined) !== (raw.storedSha256 === undefined))
    throw new Error("only damage is told in two keys");
  const sizes = [raw.sizeBytes, raw.storedBytes ?? 0];
  if (raw.type !== "file" && sizes.some((size) => size !== 0)) throw new Error("only files have a size");
  return {
    ...{ path, type: raw.type, sizeBytes: raw.sizeBytes, uid: raw.uid, gid: raw.gid, heldBy: raw.heldBy },
    mode: Number.parseInt(raw.mode, 8),
    mtimeNs: BigInt(raw.mtimeNs),
    ...(linkTarget ? { linkTarget } : {}),
    ...(raw.storedBytes === undefined ? {} : { storedBytes: raw.storedBytes }),
    ...(raw.sha256 === undefined ? {} : { sha256: raw.sha256 }),
    ...(raw.damage === undefined || raw.storedSha256 === undefined
      ? {}
      : { damage: raw.damage, storedSha256: raw.storedSha256 }),
  };
}

const wholeNumber = z.number().int().nonnegative();
const base64 = z.string().regex(/^[A-Za-z0-9+/]+={0,2}$/);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const entrySchema = z.strictObject({
  path: z.string().min(1).optional(),
  pathBase64: base64.optional(),
  type: z.enum(["file", "folder", "symlink", "hardlink"]),
  sizeBytes: wholeNumber,
  storedBytes: wholeNumber.optional(),
  mode: z.string().regex(/^[0-7]{4}$/),
  uid: wholeNumber,
  gid: wholeNumber,
  mtimeNs: z.string().regex(/^-?[0-9]{1,30}$/),
  linkTarget: z.string().min(1).optional(),
  linkTargetBase64: base64.optional(),
  sha256: sha256.optional(),
  damage: z.enum(["partial", "shrank"]).optional(),
  storedSha256: sha256.optional(),
  heldBy: z.string().regex(/^[0-9a-f]{8}$/),
});

function bytesOf(text: string | undefined, encoded: string | undefined): Buffer | undefined {
  if (text !== undefined && encoded !== undefined) throw new Error("bytes are given twice");
  if (encoded !== undefined) return Buffer.from(encoded, "base64");
  return text === undefined ? undefined : Buffer.from(text, "utf8");
}

async function* linesOf(bytes: Bytes): AsyncGenerator<string, void> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of bytes) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      yield Buffer.concat([rest, chunk.subarray(from, end)]).toString("utf8");
      rest = Buffer.alloc(0);
      from = end + 1;
    }
    rest = Buffer.concat([rest, chunk.subarray(from)]);
    if (rest.length > MAX_LINE_BYTES) throw new LifeboatError("verification-failed", "the index has an endless line");
  }
  if (rest.length > 0) throw new LifeboatError("verification-failed", "the index ends in the middle of a line");
}

const NEWLINE = 0x0a;
/** Two paths of 4096 bytes, each byte escaped, and room for the rest. */
const MAX_LINE_BYTES = 64 * 1024;
