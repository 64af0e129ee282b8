import { createReadStream } from "node:fs";
import { Readable } from "node:stream";

/** The bytes of a dump on this machine, for pg_restore's standard input. `onProgress` is told how many were read. */
export function dumpBytes(path: string, onProgress?: (bytes: number) => void): Readable {
  const file = createReadStream(path, { highWaterMark: 1024 * 1024 });
  return onProgress ? Readable.from(counted(file, onProgress), { objectMode: false }) : file;
}

async function* counted(
  chunks: AsyncIterable<Buffer>,
  onProgress: (bytes: number) => void,
): AsyncGenerator<Buffer, void> {
  let bytes = 0;
  for await (const chunk of chunks) {
    onProgress((bytes += chunk.length));
    yield chunk;
  }
}
