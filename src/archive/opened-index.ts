import { stat } from "node:fs/promises";
import { decompressedHere } from "./compression.ts";
import { sessionKeyOf } from "./decryption.ts";
import { fileBytes } from "./file-bytes.ts";
import type { CompressionKind, OpeningKeys } from "./format.ts";
import { indexLines } from "./index-file.ts";
import { contentOf, openMessage } from "./message.ts";
import type { Bytes } from "./through-child.ts";
import { aboutFile, namingFile, openSealed } from "./unseal.ts";

/** A small index that has been opened, and proven authentic by its own code: still compressed. */
export interface OpenedIndex {
  readonly packed: Buffer;
  /** What its file is encrypted with (32 bytes); undefined if it is in clear. */
  readonly sessionKey?: Uint8Array;
}

/** Up to here an index is opened in memory: some 100,000 files. */
export const MAX_OPENED_BYTES = 8 * 1024 * 1024;

/** Opens the sealed index at `path`. Resolves with undefined if it is too large. Rejects as `openSealed` does. */
export async function openIndex(
  path: string,
  keys: OpeningKeys,
  signal: AbortSignal,
): Promise<OpenedIndex | undefined> {
  if ((await stat(path)).size > MAX_OPENED_BYTES) return undefined;
  try {
    if (!path.endsWith(".gpg")) return { packed: await wholeOf(fileBytes(path, signal)) };
    const message = await openMessage(fileBytes(path, signal));
    try {
      const sessionKey = await sessionKeyOf(message, keys);
      return { packed: await wholeOf(contentOf(message, sessionKey)), sessionKey };
    } finally {
      await message.source.close();
    }
  } catch (error) {
    throw aboutFile(path, error, signal);
  }
}

/** The lines of an opened index, as `indexLines` gives them. `name` is that of its file. */
export function linesOfOpened(
  { packed }: OpenedIndex,
  { name, compression }: { readonly name: string; readonly compression: CompressionKind },
  signal: AbortSignal,
): AsyncIterable<readonly string[]> {
  return indexLines(namingFile(name, decompressedHere(once(packed), compression), signal));
}

/** The lines of the sealed index at `path`, whatever its size. Rejects as `openSealed` does. */
export async function* linesOfSealed(
  path: string,
  keys: OpeningKeys,
  signal: AbortSignal,
): AsyncGenerator<readonly string[], void> {
  yield* indexLines(await openSealed(path, keys, signal));
}

async function wholeOf(bytes: Bytes): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of bytes) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer, void> {
  yield bytes;
}
