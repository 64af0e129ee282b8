import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { Interrupted } from "../errors.ts";
import type { Surroundings } from "../assemble.ts";

/**
 * Asks on the terminal. True only for a clear yes. Rejects with Interrupted on Ctrl-C, and with the signal's reason
 * when it is aborted.
 */
export async function askYes(question: string, { stdin, stderr, signal }: Surroundings): Promise<boolean> {
  if (!stdin) return false;
  const lines = createInterface({ input: stdin, output: stderr });
  try {
    const hangUp = once(lines, "close").then(() => "");
    // A terminal that readline reads from sends Ctrl-C as a key, not as a signal.
    const { promise: interrupted, reject } = Promise.withResolvers<never>();
    lines.once("SIGINT", () => reject(new Interrupted("SIGINT")));
    const answer = await Promise.race([interrupted, lines.question(`${question} [y/N] `, { signal }), hangUp]);
    return /^(y|yes)$/i.test(answer.trim());
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    lines.close();
  }
}
