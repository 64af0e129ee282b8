import { chmod, chown, open } from "node:fs/promises";
import { runChild } from "../../system/children.ts";
import type { Attributes } from "./job.ts";

type Times = Pick<Attributes, "atimeNs" | "mtimeNs">;

/** Owners only where this process may give files away. */
export async function setAttributes(path: Buffer | string, wanted: Attributes): Promise<void> {
  if (process.getuid?.() === 0) await chown(path, wanted.uid, wanted.gid);
  await chmod(path, wanted.mode);
  await setTimes(path, wanted);
}

/**
 * To the nanosecond, for which a number of JavaScript's is too coarse; hence a program, and as its name may be no text,
 * the open file for its argument.
 */
export async function setTimes(path: Buffer | string, { atimeNs, mtimeNs }: Times): Promise<void> {
  await using file = await open(path, "r");
  const touch = (which: "-a" | "-m", ns: string) =>
    runChild(
      { program: "touch", args: ["--no-create", which, `--date=${dateOf(ns)}`, `/proc/${process.pid}/fd/${file.fd}`] },
      { timeoutMs: 30_000 },
    );
  await Promise.all([touch("-a", atimeNs), touch("-m", mtimeNs)]);
}

/** As date and touch of coreutils take seconds since 1970. */
function dateOf(ns: string): string {
  const billion = 1_000_000_000n;
  const rest = ((BigInt(ns) % billion) + billion) % billion;
  return `@${(BigInt(ns) - rest) / billion}.${rest.toString().padStart(9, "0")}`;
}
