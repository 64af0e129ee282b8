import { constants, open, rm, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { orAborted } from "../system/or-aborted.ts";
import { closeLater, readAhead } from "../system/read-ahead.ts";
import { localFailure } from "./local-failure.ts";

/**
 * Copies the file `from` to the new file `to` (mode 0600), and resolves with its size once the bytes are on the disk.
 * The name `to` becomes durable with its folder, which is the caller's to sync. Leaves nothing behind when it rejects;
 * the error names the folder of the side that failed. An abort is followed at once, also when a disk hangs.
 */
export async function copyDurably(
  from: string,
  to: string,
  signal: AbortSignal,
  onProgress: (copiedBytes: number) => void,
): Promise<number> {
  return await copy(from, to, signal, onProgress, (written) => written.sync());
}

/** As `copyDurably`, for a copy that need not outlive a power cut: one in the spool. */
export async function copyToSpool(
  from: string,
  to: string,
  signal: AbortSignal,
  onProgress: (copiedBytes: number) => void,
): Promise<number> {
  return await copy(from, to, signal, onProgress, async () => {});
}

async function copy(
  from: string,
  to: string,
  signal: AbortSignal,
  onProgress: (copiedBytes: number) => void,
  settle: (written: FileHandle) => Promise<void>,
): Promise<number> {
  const reading = sideOf(`read '${from}'`, dirname(from), signal);
  const writing = sideOf(`write '${to}'`, dirname(to), signal);

  signal.throwIfAborted();
  const source = await reading(opened(open(from, constants.O_RDONLY | constants.O_NOFOLLOW), signal));
  const written = await writing(opened(open(to, "wx", 0o600), signal)).catch((error: unknown) => {
    closeLater(source);
    throw error;
  });
  try {
    let copiedBytes = 0;
    const chunks = readAhead(source, signal);
    for (let next = await reading(chunks.next()); !next.done; next = await reading(chunks.next())) {
      await writing(written.writeFile(next.value));
      onProgress((copiedBytes += next.value.length));
    }
    await writing(settle(written));
    return copiedBytes;
  } catch (error) {
    await rm(to, { force: true });
    throw error;
  } finally {
    closeLater(source);
    closeLater(written);
  }
}

/** Awaits work on one of the two sides, and puts its failure into the words of that side. */
function sideOf(doing: string, folder: string, signal: AbortSignal) {
  return async <Result>(work: Promise<Result>): Promise<Result> => {
    try {
      return await orAborted(work, signal);
    } catch (error) {
      throw signal.aborted ? signal.reason : localFailure(error, doing, folder);
    }
  };
}

/** Closes what is opened only after nobody waits for it any more. */
async function opened(opening: Promise<FileHandle>, signal: AbortSignal): Promise<FileHandle> {
  const handle = await opening;
  if (signal.aborted) closeLater(handle);
  return handle;
}
