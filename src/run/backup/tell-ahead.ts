import { describeError, hintOf, LifeboatError } from "../../errors.ts";
import { withDeadline } from "../../system/clock.ts";
import { orAborted } from "../../system/or-aborted.ts";
import { redact } from "../../system/secret.ts";
import type { Tools } from "../conduct/tools.ts";
import { sectionsOf } from "./ahead-text.ts";
import { lookAhead } from "./look-ahead.ts";

/** Counting millions of files takes minutes, and the disk has other work. */
const COUNT_MS = 20_000;
const ALL_MS = 60_000;

/**
 * Tells in the log what the next backup would save and what it would not, in a line for each thing. Takes a minute at
 * most; resolves at once when the signal aborts; never rejects.
 */
export async function tellAhead(tools: Tools, signal: AbortSignal): Promise<void> {
  const { log, config } = tools;
  try {
    using limited = withDeadline(ALL_MS, () => new Error(`it took more than ${ALL_MS / 1000} s`), signal);
    const ahead = await orAborted(lookAhead(tools, limited, COUNT_MS), limited);
    for (const { title, items } of sectionsOf(ahead, config.schedule.timeZone)) {
      log.info(redact(`next backup, ${title}: ${items.join("; ")}`));
    }
    for (const warning of ahead.warnings) log.warn(redact(`as it is now, a backup would be degraded: ${warning}`));
    for (const failure of ahead.failures) {
      // A server or container that is still starting is there by the time of the run; labels stay as they are.
      const level = failure instanceof LifeboatError && failure.kind === "settings" ? "warn" : "info";
      log[level](redact(`as it is now, a backup would fail: ${describeError(failure)}`), { hint: hintOf(failure) });
    }
  } catch (error) {
    if (!signal.aborted) log.info("what the next backup would save cannot be told", { error: describeError(error) });
  }
}
