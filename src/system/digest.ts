import { createHash } from "node:crypto";
import { constants, open, type FileHandle } from "node:fs/promises";
import { closeLater, readAhead } from "./read-ahead.ts";

export interface FileDigest {
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** Size and SHA-256 of a file. A symbolic link in its place is an error (ELOOP), not followed. */
export async function digestOfFile(
  path: string,
  signal: AbortSignal,
  onBytes?: (totalBytes: number) => void,
): Promise<FileDigest> {
  return await digestOf(await open(path, constants.O_RDONLY | constants.O_NOFOLLOW), signal, onBytes);
}

/** The same of an open file, from where it stands. It is closed then. */
export async function digestOf(
  file: FileHandle,
  signal: AbortSignal,
  onBytes?: (totalBytes: number) => void,
): Promise<FileDigest> {
  try {
    const hash = createHash("sha256");
    let sizeBytes = 0;
    for await (const bytes of readAhead(file, signal)) {
      hash.update(bytes);
      sizeBytes += bytes.length;
      onBytes?.(sizeBytes);
    }
    return { sizeBytes, sha256: hash.digest("hex") };
  } finally {
    closeLater(file);
  }
}
