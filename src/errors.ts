/**
 * Every failure an operator can act on, and the exit code each one ends the program with.
 * The numbers are restic's where restic has one (docs/reference/exit-codes.md lists them all).
 */
export const exitCodes = {
  failed: 1,
  settings: 2,
  usage: 2,
  degraded: 3,
  "not-found": 10,
  locked: 11,
  "wrong-key": 12,
  "verification-failed": 13,
  "left-down": 14,
} as const;

/** What kind of failure this is. Anything that needs no exit code of its own is "failed". */
export type FailureKind = keyof typeof exitCodes;

/**
 * A failure with words for a person: what failed, on what, why (message and cause), and what to do (hint).
 * Message: lower case, no full stop, the thing in quotes. Hint: full sentences. Neither ever holds a secret.
 */
export class LifeboatError extends Error {
  readonly kind: FailureKind;
  readonly hint: string | undefined;

  constructor(kind: FailureKind, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.name = "LifeboatError";
    this.kind = kind;
    this.hint = options.hint;
  }

  get exitCode(): number {
    return exitCodes[this.kind];
  }
}

/** One line for a log or a report: the message and the chain of causes behind it. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  for (let current = error; current !== undefined && parts.length < 6;) {
    const message = (current instanceof Error ? current.message : String(current)).replace(/\s*\n\s*/g, " ");
    if (!parts.some((part) => part.includes(message))) parts.push(message);
    current = current instanceof Error ? current.cause : undefined;
  }
  return parts.join(": ");
}

/** The hint nearest to the surface of a chain of causes, if any of them has one. */
export function hintOf(error: unknown): string | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (current instanceof LifeboatError && current.hint !== undefined) return current.hint;
  }
  return undefined;
}

/** The reason of the program's own AbortSignal: a person or the engine asked it to end. */
export class Interrupted extends Error {
  readonly signal: "SIGINT" | "SIGTERM";

  constructor(signal: "SIGINT" | "SIGTERM") {
    super(`interrupted by ${signal}`);
    this.name = "Interrupted";
    this.signal = signal;
  }

  /** 128 plus the signal's number, as shells give it. */
  get exitCode(): number {
    return this.signal === "SIGINT" ? 130 : 143;
  }
}

/** The exit code that a command ending with `error` has. An error nobody foresaw is 1. */
export function exitCodeOf(error: unknown): number {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (current instanceof Interrupted || current instanceof LifeboatError) return current.exitCode;
  }
  return exitCodes.failed;
}
