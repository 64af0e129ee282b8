import { describeError } from "../../errors.ts";
import { readHeldJournal } from "../../quiesce/journal.ts";
import { leftFiles } from "../conduct/left-files.ts";
import { readInPlaceJournal } from "../in-place/journal.ts";
import { recoverLeftovers } from "./recover.ts";
import type { Tools } from "../conduct/tools.ts";

const LOOK_MS = 5_000;
/** When it cannot be ended, for instance because the engine is away: each try takes the lock for a while. */
const MAX_PAUSE_MS = 300_000;

/**
 * Brings back what a dead run held or replaced: at once, and then whenever a command beside this daemon dies, without
 * waiting for the next run. A container that does not come back is for the next run, and `health` tells of it.
 * Disposal waits for what is under way. Rejects if what is there at first cannot be ended.
 */
export async function endLeftovers(tools: Tools, signal: AbortSignal): Promise<AsyncDisposable> {
  const { clock, log } = tools;
  const recover = async () => ((await recoverLeftovers(tools, signal)) ? await leftovers(tools) : undefined);
  let remaining = await recover();
  let pauseMs = LOOK_MS;
  let notBefore = 0;
  const look = async () => {
    try {
      const found = await leftovers(tools);
      remaining = found === undefined || found === remaining ? found : await recover();
      pauseMs = LOOK_MS;
    } catch (error) {
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS);
      notBefore = clock.elapsedMs() + pauseMs;
      log.error("what a dead run left cannot be ended yet", { error: describeError(error), nextTryInMs: pauseMs });
    }
  };
  let looking: Promise<void> | undefined;
  const ticking = clock.every(LOOK_MS, () => {
    if (clock.elapsedMs() < notBefore) return;
    looking ??= look().finally(() => (looking = undefined));
  });
  return {
    async [Symbol.asyncDispose]() {
      ticking[Symbol.dispose]();
      await looking;
    },
  };
}

/**
 * What the journals and the spool tell of, also while another process is at work, which has the lock then. Undefined:
 * nothing.
 */
async function leftovers({ config }: Tools): Promise<string | undefined> {
  const restoring = await readInPlaceJournal(config.state);
  const held = await readHeldJournal(config.state);
  const files = (await leftFiles(config.state)) ? ["files"] : [];
  const all = [restoring?.job.runId, ...held, ...files].filter((one) => one !== undefined);
  return all.length > 0 ? all.join(" ") : undefined;
}
