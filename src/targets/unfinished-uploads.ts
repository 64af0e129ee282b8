import type { Clock } from "../system/clock.ts";
import type { Log } from "../system/log.ts";
import { isKey } from "./keys.ts";

/** rclone's own default: no upload of ours takes longer, and nobody else's is that young when we end it. */
const OLD_MS = 24 * 60 * 60 * 1000;

/**
 * Ends multipart uploads that were never finished (SIGKILL, power cut): a bucket keeps, and bills, their parts for
 * ever. rclone can only end all old ones of a bucket together, so nothing is done while some belong to others.
 * `ask` runs rclone and gives what it prints.
 */
export async function sweepMultipartUploads(
  targetName: string,
  folder: string,
  ask: (args: readonly string[]) => Promise<string>,
  clock: Clock,
  log: Log,
): Promise<void> {
  const answer = JSON.parse(await ask(["backend", "list-multipart-uploads", folder])) as Record<
    string,
    Upload[] | null
  >;
  const prefix = folder.replace(/^[^:]*:[^/]*\//, "");
  const now = clock.now().getTime();
  const old = Object.values(answer)
    .flatMap((uploads) => uploads ?? [])
    .filter(({ Initiated }) => now - Date.parse(Initiated) > OLD_MS);
  const ours = old.filter(({ Key }) => Key.startsWith(prefix) && isKey(Key.slice(prefix.length)));
  if (ours.length === 0) return;
  if (ours.length < old.length) {
    log.warn("unfinished uploads are left in the bucket, because some are not ours", {
      target: targetName,
      ours: ours.length,
      others: old.length - ours.length,
    });
    return;
  }
  await ask(["backend", "cleanup", "-o", `max-age=${OLD_MS / 1000}s`, folder]);
}

interface Upload {
  readonly Key: string;
  readonly Initiated: string;
}
