import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import type { Surroundings } from "../assemble.ts";

/** Asks on the terminal. True only for a clear yes. Rejects with the signal's reason when it is aborted. */
export async function askYes(question: string, { stdin, stderr, signal }: Surroundings): Promise<boolean> {
  if (!stdin) return false;
  const lines = createInterface({ input: stdin, output: stderr });
  try {
    const hangUp = once(lines, "close").then(() => "");
    const answer = await Promise.race([lines.question(`${question} [y/N] `, { signal }), hangUp]);
    return /^(y|yes)$/i.test(answer.trim());
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    lines.close();
  }
}
