import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { LifeboatError } from "../errors.ts";
import type { Clock } from "../system/clock.ts";
import { isSystemError } from "../system/files.ts";

/** What a file looked like at one moment; undefined when there was none. */
export type FilePicture = { readonly inode: bigint; readonly mtimeNs: bigint; readonly sizeBytes: bigint } | undefined;

export async function pictureOfFile(path: string): Promise<FilePicture> {
  try {
    const { ino, mtimeNs, size } = await stat(path, { bigint: true });
    return { inode: ino, mtimeNs, sizeBytes: size };
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return undefined;
    throw new LifeboatError("failed", `cannot look at '${path}'`, { cause: error });
  }
}

/** Rejects with a "settings" error if the folder of `path` is not there: then no wait for it could ever end. */
export async function requireFolderOf(path: string, containerName: string): Promise<void> {
  if (await pictureOfFile(dirname(path))) return;
  throw new LifeboatError(
    "settings",
    `container '${containerName}': 'lifeboat.before.wait-for' names '${path}', but there is no folder '${dirname(path)}'`,
    {
      hint: "The path is the one lifeboat sees, not the one in that container; a relative one is below BACKUP_SOURCES.",
    },
  );
}

const POLL_MS = 100;

/**
 * Waits until the file at `path` is another one than in `before` (inode or time), has something in it, is not being
 * written any more, and no `<path>.new` lies beside it. Resolves with undefined then, with a sentence of warning if that
 * has not come to pass after `timeoutMs`; rejects if there is no such file by then, or an empty one that was not.
 */
export async function waitForRewrite(
  path: string,
  before: FilePicture,
  timeoutMs: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<string | undefined> {
  const deadline = clock.elapsedMs() + timeoutMs;
  for (let previous = before; ;) {
    await clock.sleep(POLL_MS, signal);
    const now = await pictureOfFile(path);
    const isBeingReplaced = (await pictureOfFile(`${path}.new`)) !== undefined;
    const isNew = now !== undefined && !samePicture(now, before);
    // The same twice in a row: a program that writes in place has finished.
    if (isNew && !isEmpty(now) && !isBeingReplaced && samePicture(now, previous)) return undefined;
    previous = now;
    if (clock.elapsedMs() < deadline) continue;
    const waited = `after ${timeoutMs / 1000} s`;
    if (!now) throw new LifeboatError("failed", `'${path}', which was waited for, does not exist ${waited}`);
    if (isEmpty(now) && before && !isEmpty(before)) throw lostItsContent(path, before.sizeBytes);
    if (isBeingReplaced) return `'${path}.new' still lies beside '${path}' ${waited}: a save may have failed half way`;
    if (isEmpty(now)) return `'${path}' is empty ${waited}: there is nothing in it to back up`;
    return isNew ? `'${path}' is still being written ${waited}` : `'${path}' was not written anew ${waited}`;
  }
}

function isEmpty(picture: NonNullable<FilePicture>): boolean {
  return picture.sizeBytes === 0n;
}

/** What a program does that does not notice a full disk while it saves. */
function lostItsContent(path: string, sizeBytes: bigint): LifeboatError {
  return new LifeboatError("failed", `'${path}' had ${sizeBytes} bytes and was saved as an empty file`, {
    hint:
      "Its disk may be full: make room there and let the program save again, and do not restart it before that, because " +
      "what it knows may be in its memory alone. The file as it was is in the newest backup (docs/how-to/restore.md).",
  });
}

function samePicture(one: FilePicture, other: FilePicture): boolean {
  if (!one || !other) return one === other;
  return one.inode === other.inode && one.mtimeNs === other.mtimeNs && one.sizeBytes === other.sizeBytes;
}
