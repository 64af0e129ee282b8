import { open } from "node:fs/promises";

/** The bytes of a file, as they are. Each buffer is new, and belongs to whoever gets it. */
export async function* fileBytes(path: string, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  const handle = await open(path, "r");
  try {
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await handle.close();
  }
}

const READ_BYTES = 256 * 1024;

/** The first bytes of a file: `length` of them, or all if there are fewer. */
export async function headOfFile(path: string, length: number): Promise<Buffer> {
  await using handle = await open(path, "r");
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, 0);
  return buffer.subarray(0, bytesRead);
}
