import { isEveryHour, parseCron } from "../config/cron.ts";
import { wallClock } from "./wall-clock.ts";

/** Clocks are never put back or forward by more than this (3 h: Antarctica/Casey; 1 h nearly everywhere). */
const MAX_CHANGE_MS = 3 * 60 * 60 * 1000;

/**
 * The first firing after `after`. A time that the clocks skip in spring fires as long after the leap as it lies after
 * its beginning (02:30 at 03:30), so that no night goes without; one that comes twice in autumn fires the first time
 * only, unless the expression fires in every hour.
 * The expression is one that the settings accepted.
 */
export function nextRun(expression: string, timeZone: string, after: Date): Date {
  return nearestFiring(expression, timeZone, after, 1);
}

/** The last firing at or before `until`. Meaning as for `nextRun`. */
export function previousRun(expression: string, timeZone: string, until: Date): Date {
  return nearestFiring(expression, timeZone, until, -1);
}

/**
 * The last firing after `lastRun` that lies at or before `now`: a run that should have begun and has not.
 * However many were missed, it is one. Undefined when none was, or when nothing is known of an earlier run.
 */
export function missedRun(
  expression: string,
  timeZone: string,
  lastRun: Date | undefined,
  now: Date,
): Date | undefined {
  if (lastRun === undefined) return undefined;
  const due = previousRun(expression, timeZone, now);
  return due > lastRun ? due : undefined;
}

export interface Expectation {
  readonly cronExpression: string;
  readonly timeZone: string;
  readonly jitterMs: number;
  /** When the newest good backup was taken; before there is one, when the daemon first started. */
  readonly newestGoodAt: Date;
  readonly now: Date;
}

/** A run takes as long as it takes; short schedules get a quarter of their interval, none less than this. */
const MIN_GRACE_MS = 15 * 60 * 1000;
const MAX_GRACE_MS = 6 * 60 * 60 * 1000;

/**
 * The rule: one firing may go wrong, the next must end in a good backup. So it must be there by the second firing
 * after the newest good one, and a grace: the jitter and a quarter of the interval, that between 15 min and 6 h.
 */
export function expectedBy({ cronExpression, timeZone, jitterMs, newestGoodAt }: Omit<Expectation, "now">): Date {
  const first = nextRun(cronExpression, timeZone, newestGoodAt);
  const second = nextRun(cronExpression, timeZone, first);
  const quarter = (second.getTime() - first.getTime()) / 4;
  const graceMs = jitterMs + Math.min(MAX_GRACE_MS, Math.max(MIN_GRACE_MS, quarter));
  return new Date(second.getTime() + graceMs);
}

/** The firing that should have brought a good backup and did not (see `expectedBy`); undefined while all is well. */
export function overdueSince(expectation: Expectation): Date | undefined {
  if (expectation.now <= expectedBy(expectation)) return undefined;
  return nextRun(expectation.cronExpression, expectation.timeZone, expectation.newestGoodAt);
}

/**
 * Walks the expression along the wall clock, where there are no gaps and no doubles, and takes the nearest of the
 * instants. Around a change of the clocks the two orders differ, so there the walk goes on for as long as a change is.
 */
function nearestFiring(expression: string, timeZone: string, from: Date, direction: 1 | -1): Date {
  const clock = wallClock(timeZone);
  const isBetter = (a: number, b: number) => (direction === 1 ? a < b : a > b);
  const reach = (at: Date) => (clock.changesNear(at, MAX_CHANGE_MS) ? MAX_CHANGE_MS : 0);
  const everyHour = isEveryHour(expression);

  // cron-parser's own walk starts beside its date, never on it: one second puts `from` itself into the walk back.
  const startMs = clock.wallOf(from).getTime() - direction * reach(from) + (direction === 1 ? 0 : 1000);
  const walk = parseCron(expression, new Date(startMs));
  let best: { instantMs: number; wallMs: number; reachMs: number } | undefined;
  for (;;) {
    const wall = (direction === 1 ? walk.next() : walk.prev()).toDate();
    if (best && Math.abs(wall.getTime() - best.wallMs) > best.reachMs) return new Date(best.instantMs);
    const instants = clock.instantsOf(wall);
    for (const instant of everyHour ? instants : instants.slice(0, 1)) {
      const instantMs = instant.getTime();
      const isOnOurSide = direction === 1 ? instantMs > from.getTime() : instantMs <= from.getTime();
      if (isOnOurSide && (!best || isBetter(instantMs, best.instantMs))) {
        best = { instantMs, wallMs: wall.getTime(), reachMs: reach(instant) };
      }
    }
    if (best?.reachMs === 0) return new Date(best.instantMs);
  }
}
