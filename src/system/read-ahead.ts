import type { FileHandle } from "node:fs/promises";
import { orAborted } from "./or-aborted.ts";

/**
 * The bytes of a file from where it stands, the next ones being read while those given are worked on. A buffer is only
 * valid until the next one is asked for: at 100 MiB/s and more, new memory for each takes as long as the reading itself.
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

/** Closes without waiting for it: closing waits for a read or write under way, which on a hanging disk never ends. */
export function closeLater(file: FileHandle): void {
  file.close().catch(() => {
    // Nothing is expected of it any more.
  });
}
