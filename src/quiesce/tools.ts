import type { Clock } from "../system/clock.ts";
import type { Log } from "../system/log.ts";
import type { Engine } from "./engine.ts";
import type { Journal } from "./journal.ts";
import type { QuiesceLimits } from "./limits.ts";

/** What the steps of a hold and a release work with. */
export interface QuiesceTools {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly limits: QuiesceLimits;
  readonly clock: Clock;
  readonly log: Log;
}
