import { chmod, chown, utimes } from "node:fs/promises";
import type { Attributes } from "./job.ts";

/** Owners only where this process may give files away. */
export async function setAttributes(path: Buffer | string, wanted: Attributes): Promise<void> {
  if (process.getuid?.() === 0) await chown(path, wanted.uid, wanted.gid);
  await chmod(path, wanted.mode);
  await utimes(path, wanted.atimeMs / 1000, wanted.mtimeMs / 1000);
}
