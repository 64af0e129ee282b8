import { randomBytes } from "node:crypto";
import { LifeboatError } from "../errors.ts";

/**
 * Names that every target can store, list and remove without quoting: letters, digits, dot, dash and underscore,
 * no dot or dash first, and short enough that the partial name beside it still fits the 255 bytes of a file name.
 */
const KEY = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,229}$/;

/** True for a name that `put` could have stored. Whatever else lies in the place is not ours and is never listed. */
export function isKey(name: string): boolean {
  return KEY.test(name);
}

/** Throws for a name that is not safe to hand to a file system, a shell or a remote. */
export function checkKey(key: string): void {
  if (isKey(key)) return;
  throw new LifeboatError("failed", `'${key}' cannot be the name of a stored object`, {
    hint: "Names hold letters, digits, dots, dashes and underscores, and begin with none of '.' and '-'.",
  });
}

/** A name for the bytes of `key` while they are on their way: hidden, never a key, different for every attempt. */
export function partialNameOf(key: string): string {
  return `.${key}.${randomBytes(4).toString("hex")}.partial`;
}

/** The key whose bytes an interrupted `put` left under that name; undefined for a name that is no partial one of ours. */
export function keyOfPartial(name: string): string | undefined {
  const key = /^\.(.+)\.[0-9a-f]{8}\.partial$/.exec(name)?.[1];
  return key !== undefined && isKey(key) ? key : undefined;
}

/** Those of the names whose key, as `keyOf` reads it, may go. */
export function leftovers(
  names: readonly string[],
  keyOf: (name: string) => string | undefined,
  mayGo: (key: string) => boolean,
): readonly string[] {
  return names.filter((name) => {
    const key = keyOf(name);
    return key !== undefined && mayGo(key);
  });
}
