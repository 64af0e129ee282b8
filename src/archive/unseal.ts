import { randomBytes } from "node:crypto";
import { lstat, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { LifeboatError } from "../errors.ts";
import { ChildError } from "../system/children.ts";
import { isSystemError, syncFile, syncName } from "../system/files.ts";
import { decompressed, decompressedHere } from "./compression.ts";
import { decryptedFile } from "./decrypted-file.ts";
import { fileBytes, headOfFile } from "./file-bytes.ts";
import type { CompressionKind, OpeningKeys } from "./format.ts";
import { writeSealedFile } from "./sealed-file.ts";
import type { Bytes } from "./through-child.ts";

/**
 * Opens a sealed file: decrypts and decompresses it as its name says, or its first bytes where the name says nothing.
 * Resolves with the plain stream once a key fits. The stream counts only when its end has been reached: damage may
 * show as late as that. Rejects, as the stream does, with "wrong-key" or "verification-failed", the file named.
 */
export async function openSealed(path: string, keys: OpeningKeys, signal: AbortSignal): Promise<Bytes> {
  try {
    const encrypted = isEncrypted(path, await headOfFile(path, 1));
    const { size } = await stat(path);
    const packed = encrypted ? await decryptedFile(path, keys, signal) : fileBytes(path, signal);
    const [head, bytes] = await peek(packed);
    const kind = compressionOf(path, head);
    if (kind === "none") return namingFile(path, copied(bytes), signal);
    const isSmall = size < WORTH_A_PROGRAM_BYTES;
    return namingFile(path, isSmall ? decompressedHere(bytes, kind) : decompressed(bytes, kind, signal), signal);
  } catch (error) {
    throw aboutFile(path, error, signal);
  }
}

/** Until a program has started (10 ms), so much is decompressed without one. */
const WORTH_A_PROGRAM_BYTES = 1024 * 1024;

/**
 * Opens a sealed file into a plain one (mode 0600), which must not exist yet and appears only once every byte has
 * proven authentic. Rejects as `openSealed` does.
 */
export async function decryptFile(from: string, to: string, keys: OpeningKeys, signal: AbortSignal): Promise<void> {
  await writeNewFile(to, () => openSealed(from, keys, signal), signal);
}

/** Writes a new file (mode 0600), which appears only once all that `open` gives is on the disk. */
export async function writeNewFile(to: string, open: () => Promise<Bytes>, signal: AbortSignal): Promise<void> {
  await refuseExisting(to);
  const partial = join(dirname(to), `.${basename(to)}.${randomBytes(4).toString("hex")}.partial`);
  await writeSealedFile(partial, await open(), signal);
  try {
    await syncFile(partial);
    await refuseExisting(to);
    await rename(partial, to);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
  await syncName(to);
}

async function refuseExisting(path: string): Promise<void> {
  const existing = await lstat(path).catch((error: unknown) => {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw error;
  });
  if (existing) throw new LifeboatError("usage", `'${path}' exists already`, { hint: "Nothing was touched." });
}

function isEncrypted(path: string, first: Buffer): boolean {
  if (path.endsWith(".gpg")) return true;
  // Every OpenPGP packet begins with the highest bit set; no other format that is opened here does.
  return !KNOWN_ENDING.test(path) && ((first[0] ?? 0) & 0x80) !== 0;
}

function compressionOf(path: string, head: Buffer): CompressionKind {
  const [, ending] = KNOWN_ENDING.exec(path.replace(/\.gpg$/, "")) ?? [];
  if (ending === "zst" || ending === "gz") return ending;
  if (ending !== undefined) return "none";
  if (head.subarray(0, 4).equals(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]))) return "zst";
  return head.subarray(0, 2).equals(Buffer.from([0x1f, 0x8b])) ? "gz" : "none";
}

const KNOWN_ENDING = /\.(zst|gz|tar|index)$/;

/** The first chunk of a stream, and the whole stream again. */
async function peek(bytes: Bytes): Promise<[first: Buffer, whole: Bytes]> {
  const chunks = bytes[Symbol.asyncIterator]();
  const { value, done } = await chunks.next();
  const first = done ? Buffer.alloc(0) : value;
  return [first, following(first, chunks)];
}

async function* following(first: Buffer, chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer, void> {
  try {
    yield first;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
  } finally {
    await chunks.return?.();
  }
}

/** The same bytes in memory that the reader may keep. */
async function* copied(bytes: Bytes): AsyncGenerator<Buffer, void> {
  for await (const chunk of bytes) yield Buffer.from(chunk);
}

/** The same bytes; a failure names the file. */
export async function* namingFile(path: string, plain: Bytes, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  try {
    yield* plain;
  } catch (error) {
    throw aboutFile(path, error, signal);
  }
}

/** The error of opening that file, of the kind that its cause has. */
export function aboutFile(path: string, error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  // A program that ended by itself and badly found fault with its input; one that was killed or is missing did not.
  const damaged = error instanceof ChildError && error.exitStatus !== undefined;
  const kind = damaged ? "verification-failed" : error instanceof LifeboatError ? error.kind : "failed";
  return new LifeboatError(kind, `cannot open '${basename(path)}'`, {
    cause: error,
    ...(error instanceof LifeboatError && error.hint !== undefined ? { hint: error.hint } : {}),
  });
}
