import { LifeboatError } from "../../errors.ts";

/** How much may be unpacked. */
export interface Room {
  readonly bytes: number;
  /** The folder in which so much is free, if that is what limits it. */
  readonly freeIn?: string;
}

/** The refusal of what unpacks to more. */
export function tooLarge({ bytes, freeIn }: Room): LifeboatError {
  if (freeIn === undefined) {
    return new LifeboatError("failed", `it unpacks to more than ${bytes} bytes`, {
      hint: "Nothing was put in place. If that is right, say --max-size with more.",
    });
  }
  const mib = Math.floor(bytes / 1024 / 1024);
  return new LifeboatError("failed", `not enough space in '${freeIn}': it unpacks to more than the ${mib} MiB free`, {
    hint: "Nothing was put in place. Free some space there, or restore to another volume.",
  });
}
