import { createHash } from "node:crypto";
import { constants, open, type FileHandle } from "node:fs/promises";

/**
 * The bytes of a file from where it stands, the next ones being read while those given are worked on. A buffer is only valid
 * until the next one is asked for: at 100 MiB/s and more, new memory for each takes as long as the reading itself.
 * Follows an abort at once, also when a disk hangs.
 */
export async function* readAhead(file: FileHandle, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  const buffers = [Buffer.allocUnsafeSlow(CHUNK_BYTES), Buffer.allocUnsafeSlow(CHUNK_BYTES)] as const;
  let [now, then] = buffers;
  let reading = file.read(now, 0, CHUNK_BYTES, null);
  for (;;) {
    const { bytesRead } = await orAborted(reading, signal);
    if (bytesRead === 0) return;
    reading = file.read(then, 0, CHUNK_BYTES, null);
    reading.catch(() => {
      // Told when its turn comes; without one, nobody wanted these bytes.
    });
    yield now.subarray(0, bytesRead);
    [now, then] = [then, now];
  }
}

/** Half a megabyte fits into the caches of a processor, and is long enough for a disk. */
const CHUNK_BYTES = 512 * 1024;

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
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
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

/** Closes without waiting for it: closing waits for a read or write under way, which on a hanging disk never ends. */
export function closeLater(file: FileHandle): void {
  file.close().catch(() => {
    // Nothing is expected of it any more.
  });
}

/** What `work` gives, or the signal's reason as soon as that aborts: for work that itself cannot be interrupted. */
export function orAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
