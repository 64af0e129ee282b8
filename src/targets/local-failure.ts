import { LifeboatError } from "../errors.ts";
import { TransientError } from "./target.ts";

interface Meaning {
  readonly says: (folder: string) => string;
  readonly hint: string;
  /** True where the same call may succeed a little later: network file systems that are away. */
  readonly passes?: boolean;
}

const meanings: Readonly<Record<string, Meaning>> = {
  ENOSPC: {
    says: (folder) => `no space left in '${folder}'`,
    hint: "Free some space there or keep fewer backups. The backups already there were not touched.",
  },
  EDQUOT: {
    says: (folder) => `the disk quota for '${folder}' is used up`,
    hint: "Raise the quota or keep fewer backups. The backups already there were not touched.",
  },
  EROFS: {
    says: (folder) => `'${folder}' is mounted read-only`,
    hint: "Mount it writable: take ':ro' off its volume.",
  },
  EACCES: {
    says: (folder) => `no permission in '${folder}'`,
    hint: "Give the user that the backup runs as the right to read and write there.",
  },
  EPERM: {
    says: (folder) => `not permitted in '${folder}'`,
    hint: "Give the user that the backup runs as the right to write there, and look for immutable files (lsattr).",
  },
  ENOENT: {
    says: (folder) => `folder '${folder}' does not exist`,
    hint: "Mount a volume there, or create the folder. It is not made for you: a mistyped path would fill another disk.",
  },
  ENOTDIR: { says: (folder) => `'${folder}' is not a folder`, hint: "Name the folder that backups are to be kept in." },
  EIO: {
    says: (folder) => `input/output error in '${folder}'`,
    hint: "Its disk may be failing: look into the kernel log (dmesg).",
  },
  ESTALE: { says: (folder) => `the network mount '${folder}' has gone`, hint: "Mount it again.", passes: true },
  ETIMEDOUT: { says: (folder) => `'${folder}' does not answer`, hint: "Look at its file server.", passes: true },
  EHOSTDOWN: { says: (folder) => `the server of '${folder}' is down`, hint: "Look at its file server.", passes: true },
  ENOTCONN: { says: (folder) => `'${folder}' is not connected`, hint: "Look at its mount.", passes: true },
};

/** `error` in words that name the folder and say what to do; anything but a system error comes back as it is. */
export function localFailure(error: unknown, doing: string, folder: string): unknown {
  if (!(error instanceof Error) || error instanceof LifeboatError || !("code" in error)) return error;
  if (error.code === "ENOENT" && "path" in error && error.path !== folder) {
    return new LifeboatError("failed", `cannot ${doing}: '${error.path}' does not exist`, { cause: error });
  }
  if (error.code === "EEXIST" && "path" in error) {
    const hint = "Name a file that does not exist yet.";
    return new LifeboatError("failed", `cannot ${doing}: '${error.path}' exists already`, { hint, cause: error });
  }
  const meaning = meanings[String(error.code)];
  if (!meaning) return new LifeboatError("failed", `cannot ${doing} in '${folder}'`, { cause: error });
  const cause = meaning.passes ? new TransientError(error.message, { cause: error }) : error;
  return new LifeboatError("failed", `cannot ${doing}: ${meaning.says(folder)}`, { hint: meaning.hint, cause });
}

/**
 * `error`, or, if the program that was downloading into `folder` said so, the full disk that it met: that one is here,
 * not on the far side.
 */
export function orFullHere(error: unknown, said: string, doing: string, folder: string): unknown {
  if (!/no space left on device|remaining disk space|disk quota/i.test(said)) return error;
  return localFailure(Object.assign(new Error(said), { code: "ENOSPC" }), doing, folder);
}
