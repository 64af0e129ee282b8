import { rm } from "node:fs/promises";
import { runChild } from "./children.ts";
import { isSystemError } from "./files.ts";

/** A large tree on a slow disk takes its time. */
const REMOVE_MS = 6 * 60 * 60 * 1000;

/** Removes what is at `path`, if there is something, with all that is below it, however deep. */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    if (!isSystemError(error, "ENAMETOOLONG")) throw error;
    // Node goes by whole paths; this program goes from folder to folder.
    const args = ["--recursive", "--force", "--", path];
    await runChild({ program: "rm", args }, { timeoutMs: REMOVE_MS });
  }
}
