import canonicalize from "canonicalize";

/** Canonical JSON (RFC 8785) and a newline: one way only to write a value, so that its bytes can be authenticated. */
export function canonicalBytes(value: unknown): Buffer {
  return Buffer.from(`${canonicalize(value)}\n`, "utf8");
}
