import { describeError } from "../errors.ts";
import { readHeldJournal } from "../quiesce/journal.ts";
import { readInPlaceJournal } from "./in-place/journal.ts";
import { recoverAtStart } from "./recover.ts";
import type { Tools } from "./tools.ts";

const LOOK_MS = 5_000;

/**
 * Brings back what a command beside this daemon held or replaced when it died, without waiting for the next run. Tried
 * once (`wasTried`: at the start already): what does not come back is for the next run, and `health` tells of it.
 * Disposal waits for what is under way.
 */
export function watchLeftovers(tools: Tools, wasTried: boolean, signal: AbortSignal): AsyncDisposable {
  let looking: Promise<void> | undefined;
  const look = async () => {
    try {
      if (!(await hasLeftovers(tools))) wasTried = false;
      else if (!wasTried) wasTried = await recoverAtStart(tools, signal);
    } catch (error) {
      if (!wasTried) tools.log.error("what a dead run left cannot be ended yet", { error: describeError(error) });
      wasTried = true;
    }
  };
  const ticking = tools.clock.every(LOOK_MS, () => {
    looking ??= look().finally(() => (looking = undefined));
  });
  return {
    async [Symbol.asyncDispose]() {
      ticking[Symbol.dispose]();
      await looking;
    },
  };
}

/** Also while another process is at work, which has the lock then. */
async function hasLeftovers({ config }: Tools): Promise<boolean> {
  return (await readInPlaceJournal(config.state)) !== undefined || (await readHeldJournal(config.state)).length > 0;
}
