import { LifeboatError } from "../../errors.ts";
import type { Body, Target } from "../../targets/target.ts";

/** Rejects with "verification-failed" unless what the target has under `key` is what was sent. */
export async function prove(target: Target, key: string, file: Body, signal: AbortSignal): Promise<void> {
  const stored = await target.digest(key, signal);
  if (stored.sizeBytes === file.sizeBytes && stored.sha256 === file.sha256) return;
  throw new LifeboatError(
    "verification-failed",
    `'${key}' on '${target.name}' is not what was sent: ${stored.sizeBytes} of ${file.sizeBytes} bytes, ` +
      `SHA-256 ${stored.sha256} instead of ${file.sha256}`,
    { hint: "The storage or the way to it damages data. Nothing older was removed there." },
  );
}
