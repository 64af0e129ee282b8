import { inspect } from "node:util";

const known = new Set<string>();

/**
 * A value that cannot be printed by accident: JSON, inspect, string templates and logs all show `***`.
 * Every secret ever made is also remembered, so that `redact` can take it out of text that came from elsewhere
 * (a child's stderr, an engine's error message).
 */
export class Secret {
  readonly #value: string;

  /** `redacted: false` is for words too common to be taken out of other texts, such as the "sftp" of a remote's type. */
  constructor(value: string, { redacted = true }: { readonly redacted?: boolean } = {}) {
    this.#value = value;
    if (redacted) remember(value);
  }

  /** The only way to the value. Hand it to a child by environment or standard input, never by argument. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "***";
  }

  toJSON(): string {
    return "***";
  }

  [inspect.custom](): string {
    return "***";
  }
}

function remember(value: string): void {
  // Redacting a very short value would blank out ordinary words of the log instead of hiding anything.
  const MIN_REDACTED_LENGTH = 4;
  if (value.length >= MIN_REDACTED_LENGTH) known.add(value);
  // A URL in an error message carries the password percent-encoded; JSON output carries it escaped.
  // What tells errors on one line puts blanks for line breaks.
  const onOneLine = value.replace(/\s*\n\s*/g, " ");
  const forms = [encodeURIComponent(value.toWellFormed()), JSON.stringify(value).slice(1, -1), onOneLine];
  for (const form of forms) if (form.length >= MIN_REDACTED_LENGTH) known.add(form);
  // A multi-line key is quoted line by line in some messages.
  for (const line of value.split("\n")) if (line.length >= 16) known.add(line);
}

/** `text` with every known secret, and the password of any URL, replaced by `***`. */
export function redact(text: string): string {
  let clean = text;
  for (const value of known) if (clean.includes(value)) clean = clean.replaceAll(value, "***");
  return clean.replace(/\b([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s/@]+@/gi, "$1:***@");
}
