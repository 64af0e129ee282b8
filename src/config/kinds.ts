import { Secret } from "../system/secret.ts";
import { Misfit } from "./problems.ts";

/** What a setting's text may be, and what it means. `decode` throws Misfit; it never sees an empty text. */
export interface Kind<T> {
  /** As the reference page and the messages name it: "a duration". */
  readonly words: string;
  decode(text: string): T;
}

/** Any text on one line. */
export const line: Kind<string> = {
  words: "text",
  decode: (text) => matching(text, /^[^\n\r\0]*$/, "has a line break in it", "one line of text"),
};

/** Text that may have several lines, kept as it is. */
export const lines: Kind<string> = { words: "text, several lines allowed", decode: (text) => text };

/** Of keys that sign receipts, as ssh writes those of its keys; separated by commas, blanks or line breaks. */
export const fingerprints: Kind<readonly string[]> = {
  words: "fingerprints, separated by commas",
  decode(text) {
    const found = text.split(/[\s,]+/).filter(Boolean);
    if (found.length > 0 && found.every((one) => /^SHA256:[A-Za-z0-9+/]{43}$/.test(one))) return found;
    throw new Misfit("is no fingerprint of a key that signs receipts", "'SHA256:…' as 'lifeboat list' shows it");
  },
};

/** Kept from every output. */
export const secret: Kind<Secret> = { words: "secret", decode: (text) => new Secret(text) };

/** As `secret`, where gpg has to read the same file in the same way. */
export const passphrase: Kind<Secret> = { ...secret };

export const flag: Kind<boolean> = {
  words: "true or false",
  decode(text) {
    const word = text.toLowerCase();
    if (["true", "1", "yes", "on"].includes(word)) return true;
    if (["false", "0", "no", "off"].includes(word)) return false;
    throw new Misfit("is neither true nor false", "true, false, 1, 0, yes, no, on or off");
  },
};

/** Set to anything at all means yes (NO_COLOR's own convention). */
export const presence: Kind<true> = { words: "anything", decode: () => true };

export function oneOf<const T extends string>(...words: readonly T[]): Kind<T> {
  return {
    words: words.map((word) => `\`${word}\``).join(", "),
    decode(text) {
      const found = words.find((word) => word === text.toLowerCase());
      if (found === undefined) throw new Misfit("is not one of the choices", choices(words));
      return found;
    },
  };
}

export function wholeNumber(min: number, max: number): Kind<number> {
  return {
    words: `a whole number from ${min} to ${max}`,
    decode(text) {
      const value = Number(text);
      if (!/^[+-]?\d+$/.test(text)) throw new Misfit("is not a whole number", `a whole number from ${min} to ${max}`);
      if (value < min || value > max) throw new Misfit("is out of range", `a whole number from ${min} to ${max}`);
      return value;
    },
  };
}

const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** Node's timers end at once when asked to wait longer than 2^31 ms, which is 24.8 days. */
const MAX_DURATION_MS = 24 * UNIT_MS.d;

/** In milliseconds: "30s", "5m", "2h", "7d", also "1h30m". */
export function duration(minMs: number): Kind<number> {
  const right = "a number with a unit such as 30s, 5m, 2h or 7d";
  return {
    words: "a duration: `30s`, `5m`, `2h`, `7d`, `1h30m`",
    decode(text) {
      if (/^\d+$/.test(text) && text !== "0")
        throw new Misfit("has no unit", `${text}s for seconds or ${text}m for minutes`);
      if (text !== "0" && !/^(\d+(ms|s|m|h|d))+$/.test(text)) throw new Misfit("is not a duration", right);
      let totalMs = 0;
      for (const [, count, unit] of text.matchAll(/(\d+)(ms|s|m|h|d)/g)) {
        totalMs += Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS];
      }
      if (totalMs < minMs) throw new Misfit("is too short", `${minMs / 1000}s or more`);
      if (totalMs > MAX_DURATION_MS) throw new Misfit("is too long", "24d or less");
      return totalMs;
    },
  };
}

/** An absolute path, without a slash at its end. */
export const folder: Kind<string> = {
  words: "an absolute path",
  decode(text) {
    line.decode(text);
    if (!text.startsWith("/")) throw new Misfit("is not an absolute path", `a path that begins with a slash: /${text}`);
    if (text.split("/").includes("..")) throw new Misfit("has '..' in it", "the path without '..'");
    return text.replace(/\/{2,}/g, "/").replace(/(?<=.)\/$/, "");
  },
};

/** One line that matches `pattern`; the message is made of `problem` and `right`. */
export function patterned(words: string, pattern: RegExp, problem: string, right: string): Kind<string> {
  return { words, decode: (text) => matching(text, pattern, problem, right) };
}

function matching(text: string, pattern: RegExp, problem: string, right: string): string {
  if (!pattern.test(text)) throw new Misfit(problem, right);
  return text;
}

function choices(words: readonly string[]): string {
  return words.length === 1 ? `${words[0]}` : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}
