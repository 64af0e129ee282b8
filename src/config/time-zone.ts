import type { Kind } from "./kinds.ts";
import { nearest } from "./near.ts";
import { Misfit } from "./problems.ts";

/** An IANA time zone that exists. Node itself takes an unknown one for UTC without a word. */
export const timeZone: Kind<string> = {
  words: "an IANA time zone",
  decode(text) {
    try {
      // "+01:00" means the opposite to the C library.
      if (!/^[A-Za-z]/.test(text)) throw new RangeError("is an offset");
      new Intl.DateTimeFormat("en", { timeZone: text });
      return text;
    } catch {
      // The message below says the same, and what to write.
    }
    const close = nearest(text, Intl.supportedValuesOf("timeZone"));
    throw new Misfit("is no time zone", close ? `'${close}'` : "a name such as Europe/Berlin or UTC");
  },
};
