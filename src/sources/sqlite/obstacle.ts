/** Something in the way of a copy that may be gone a moment later: a lock, a change, a file being replaced. */
export class Obstacle extends Error {
  override readonly name = "Obstacle";
  readonly hint: string | undefined;
  /** Give up when it is still in the way after so long; without, at the deadline. */
  readonly patienceMs: number;

  constructor(message: string, options: { hint?: string; patienceMs?: number; cause?: unknown } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.hint = options.hint;
    this.patienceMs = options.patienceMs ?? Infinity;
  }
}

/** SQLite cannot make sense of the file. It is kept as it is, and a person must look. */
export class Malformed extends Error {
  override readonly name = "Malformed";
}

export const HOLD_HINT =
  "Add the label 'lifeboat.hold=stop' to the container that writes to it, so that it is at rest while it is copied.";
