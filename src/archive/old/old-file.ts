import { LifeboatError } from "../../errors.ts";
import { decompressed } from "../compression.ts";
import { decrypted } from "../decryption.ts";
import { fileBytes } from "../file-bytes.ts";
import type { OpeningKeys } from "../format.ts";
import type { Bytes } from "../through-child.ts";
import { aboutFile, namingFile } from "../unseal.ts";
import { contentOf, type OldContent } from "./content.ts";
import { OPENSSL_HEAD_BYTES, opensslEncDecrypted, SALTED } from "./openssl-enc.ts";

/** A file that other programs made (gpg, openssl, gzip, tar, sqlite3, pg_dump), opened. */
export interface OldFile {
  /** Decrypted and decompressed. Counts only when its end has been reached. */
  readonly bytes: Bytes;
  /** Undefined: something else, also if it is shorter than anything known. */
  readonly content: OldContent | undefined;
  /** What cannot be known about it. */
  readonly warnings: readonly string[];
}

/**
 * Opens a file by its first bytes, whatever its name says: encrypted by OpenPGP or `openssl enc`, then compressed by
 * gzip or zstd, or neither. Rejects, as the stream does, with "wrong-key" or "verification-failed", the file named.
 */
export async function openOldFile(path: string, keys: OpeningKeys, signal: AbortSignal): Promise<OldFile> {
  const file = fileBytes(path, signal);
  try {
    const [outerHead, outer] = await peek(file, OPENSSL_HEAD_BYTES);
    const clear = await decryptedAsNeeded(outerHead, outer, keys);
    const [middleHead, middle] = await peek(clear.bytes, 512);
    const kind = contentOf(middleHead);
    const packing = kind === "gz" || kind === "zst" ? kind : "none";
    const [head, plain] = await peek(decompressed(middle, packing, signal), 512);
    return { bytes: namingFile(path, plain, signal), content: contentOf(head), warnings: clear.warnings };
  } catch (error) {
    await file.return();
    throw aboutFile(path, error, signal);
  }
}

async function decryptedAsNeeded(
  head: Buffer,
  bytes: Bytes,
  keys: OpeningKeys,
): Promise<{ readonly bytes: Bytes; readonly warnings: readonly string[] }> {
  if (head.subarray(0, SALTED.length).equals(SALTED)) {
    if (!keys.passphrase) {
      throw new LifeboatError("wrong-key", "a passphrase is needed to open this", {
        hint: "Set GPG_PASSPHRASE to the one it was made with, the BACKUP_ENCRYPTION_KEY of then.",
      });
    }
    const warning = "'openssl enc' proves nothing about who made a file, nor that nobody changed it";
    return { bytes: opensslEncDecrypted(head, bytes, keys.passphrase), warnings: [warning] };
  }
  if (head.toString("latin1").startsWith("-----BEGIN PGP MESSAGE-----")) {
    throw new LifeboatError("usage", "it is in OpenPGP's armor", { hint: "Take that off first: gpg --dearmor FILE." });
  }
  // Every OpenPGP packet begins with the highest bit set; nothing else that is opened here does.
  const isOpenPgp = ((head[0] ?? 0) & 0x80) !== 0 && contentOf(head) === undefined;
  return { bytes: isOpenPgp ? await decrypted(bytes, keys) : bytes, warnings: [] };
}

/** The first bytes of a stream, `length` of them if there are as many, and the whole stream again. */
async function peek(bytes: Bytes, length: number): Promise<[head: Buffer, whole: Bytes]> {
  const chunks = bytes[Symbol.asyncIterator]();
  const first: Buffer[] = [];
  for (let missing = length; missing > 0;) {
    const next = await chunks.next();
    if (next.done) break;
    first.push(next.value);
    missing -= next.value.length;
  }
  return [Buffer.concat(first).subarray(0, length), following(first, chunks)];
}

async function* following(first: readonly Buffer[], chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer, void> {
  try {
    yield* first;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
  } finally {
    await chunks.return?.();
  }
}
