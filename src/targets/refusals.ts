import { LifeboatError } from "../errors.ts";
import type { Body, StoredDigest } from "./target.ts";

/** There is nothing under `key`. */
export function notFound(targetName: string, key: string, cause?: unknown): LifeboatError {
  return new LifeboatError("not-found", `'${targetName}' holds no '${key}'`, cause === undefined ? {} : { cause });
}

/** `put` was asked to store other bytes under a key that is taken. */
export function otherBytes(targetName: string, key: string): LifeboatError {
  return new LifeboatError("failed", `'${targetName}' already holds other bytes under '${key}'`, {
    hint: "Nothing was overwritten. Is another stack with the same BACKUP_NAME writing there?",
  });
}

/** `put` was given a file that has another size than was promised: it changed after it was sealed. */
export function changedBody(body: Body, foundBytes: number): LifeboatError {
  return new LifeboatError("failed", `'${body.path}' has ${foundBytes} bytes instead of ${body.sizeBytes}`, {
    hint: "The sealed file changed before it was stored. Nothing else may write to the spool.",
  });
}

export function isSameBytes(stored: StoredDigest, body: Body): boolean {
  return stored.sizeBytes === body.sizeBytes && stored.sha256 === body.sha256;
}
