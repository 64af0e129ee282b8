import { LifeboatError } from "../errors.ts";

/** Bytes at rest on this machine. They can be opened again, so an upload can be retried; their digest is known. */
export interface Body {
  /** Where they lie: rsync and rclone read files, not streams. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface StoredObject {
  /** File name below the target's own folder or prefix: no slash in it. */
  readonly key: string;
  readonly sizeBytes: number;
}

/** What a target holds under a key, found out from the bytes as they are stored now. */
export interface StoredDigest {
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** A place backups are kept. Knows keys and bytes; knows nothing of archives, encryption or retention. */
export interface Target {
  /** As the operator wrote it, without secrets: "s3:bucket/prefix". Appears in logs, reports and `--target`. */
  readonly name: string;
  /**
   * Resolves if the place is reached, lets us in and, as far as can be asked without writing there, lets us write.
   * Rejects as `put` would; never retries.
   */
  check(signal: AbortSignal): Promise<void>;
  /** Bytes that can still be stored. Only where that can be asked at once; rejects as `check` does. */
  freeBytes?(signal: AbortSignal): Promise<number>;
  /**
   * Stores all of `body` or nothing. Resolves once it is durable and `list` shows it; while it runs and after it
   * failed, `list` does not show the key. Putting the same bytes under the same key again succeeds; other bytes are
   * refused, never overwritten. `onProgress` gets the bytes sent so far.
   * The bytes as promised are `digest`'s to prove: a body that changed at rest is refused here only where that is free.
   * A transfer that moves nothing for the target's stall time is ended and rejects.
   */
  put(key: string, body: Body, signal: AbortSignal, onProgress?: (sentBytes: number) => void): Promise<void>;
  /**
   * Reads back (or lets the far side digest) what is stored under `key`.
   * Rejects with a "not-found" LifeboatError if there is nothing.
   */
  digest(key: string, signal: AbortSignal): Promise<StoredDigest>;
  /**
   * Copies the object to the local file `path` (which must not exist). Rejects with "not-found" if there is none;
   * leaves no file behind when it rejects.
   */
  fetch(key: string, path: string, signal: AbortSignal, onProgress?: (gotBytes: number) => void): Promise<void>;
  /** Gives the contents of small objects (receipts) in one round trip or few. Missing keys are left out. */
  readSmall(keys: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, Buffer>>;
  /**
   * Every complete object, in no particular order; names that `put` would refuse are not ours and are left out.
   * An empty place has none, nor has one that the first `put` will make (a local folder and a bucket must exist).
   */
  list(signal: AbortSignal): Promise<readonly StoredObject[]>;
  /**
   * Removes the objects. Removing one that is not there succeeds.
   * Rejects with RemovalForbiddenError where nothing may be removed (append-only servers, object lock).
   */
  remove(keys: readonly string[], signal: AbortSignal): Promise<void>;
  /**
   * Takes away what interrupted transfers of the keys that `mayGo` left behind (partial files). Others may be storing
   * theirs in the same place at this moment, and hidden files of strangers are none of ours.
   */
  sweep(mayGo: (key: string) => boolean, signal: AbortSignal): Promise<void>;
  /**
   * Sentences that a person must read though the calls went well, since they were last taken. Each is in the log
   * already. Left out by kinds that never have any.
   */
  takeRemarks?(): readonly string[];
}

/** Thrown (as `cause` or itself) when the same call may succeed later: timeouts, throttling, lost connections. */
export class TransientError extends Error {
  override readonly name = "TransientError";
}

/** True if the same call may succeed later: a TransientError is in the chain of causes. */
export function isTransient(error: unknown): boolean {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (current instanceof TransientError) return true;
  }
  return false;
}

/** The place keeps what it has: expected on append-only and locked ones, so retention there is not ours to do. */
export class RemovalForbiddenError extends LifeboatError {
  constructor(targetName: string, options: { hint?: string; cause?: unknown } = {}) {
    super("failed", `'${targetName}' does not let anything be removed`, options);
    this.name = "RemovalForbiddenError";
  }
}
