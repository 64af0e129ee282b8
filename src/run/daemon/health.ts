import { overdueSince } from "../../plan/schedule.ts";
import { readHeldJournal } from "../../quiesce/journal.ts";
import type { Config } from "../../config/config.ts";
import type { Clock } from "../../system/clock.ts";
import { isLocked } from "../../system/lock.ts";
import { vanishedText } from "../catalogue/vanished.ts";
import { readInPlaceJournal } from "../in-place/journal.ts";
import { HEARTBEAT_MS, readDaemonState, readState, type DaemonState, type State } from "../conduct/state.ts";

export interface Health {
  readonly healthy: boolean;
  /** One sentence each; empty when healthy. */
  readonly problems: readonly string[];
  /** One sentence each: what someone should look at, though backups are made. */
  readonly warnings: readonly string[];
  readonly lastGood?: { readonly id: string; readonly takenAt: string };
  readonly nextRunAt?: string;
}

/** Three heartbeats missed: the loop is blocked or the process gone, not just busy. */
const DEAD_AFTER_MS = 3 * HEARTBEAT_MS + 10_000;

/**
 * Is the sidecar doing its work? From the state folder alone: no network, no engine, quick enough for a HEALTHCHECK.
 * Unhealthy when the scheduler is dead, when the newest good backup is older than the schedule allows, when a container
 * was left down, when a backup has vanished from a target, or when none of the targets can be used.
 */
export async function health({ config, clock }: { config: Config; clock: Clock }): Promise<Health> {
  const now = clock.now();
  const [state, daemon, held, restoring] = await Promise.all([
    readState(config.state),
    readDaemonState(config.state),
    readHeldJournal(config.state),
    readInPlaceJournal(config.state),
  ]);
  const problems: string[] = [];
  const unusable = unusableTargets(daemon?.targets ?? []);
  if (!daemon) problems.push("the daemon has never run here");
  else {
    const silentMs = now.getTime() - new Date(daemon.heartbeatAt).getTime();
    if (silentMs > DEAD_AFTER_MS) problems.push(`the scheduler has been silent for ${Math.round(silentMs / 1000)} s`);
    const { cronExpression, timeZone, jitterMs } = config.schedule;
    const reference = new Date(state?.lastGood?.takenAt ?? daemon.firstStartedAt);
    const overdue = overdueSince({ cronExpression, timeZone, jitterMs, newestGoodAt: reference, now });
    if (overdue) {
      const newest = state?.lastGood
        ? `the newest good backup is of ${state.lastGood.takenAt}`
        : "there is no good backup";
      problems.push(`${newest}; one was due at ${overdue.toISOString()}`);
    }
  }
  const isRunning = isLocked(config.state);
  if (held.length > 0 && !isRunning) problems.push(`left at rest: ${held.join(", ")}`);
  if (restoring && !isRunning) problems.push(`the restore of backup ${restoring.backupId} is not ended`);
  problems.push(...missingBackups(state?.places ?? {}, daemon?.targets ?? []));
  if (unusable.areAll) problems.push(...unusable.sentences);
  return {
    healthy: problems.length === 0,
    problems,
    warnings: [
      ...(unusable.areAll ? [] : unusable.sentences),
      ...(daemon?.targets ?? []).flatMap(({ remarks }) => remarks ?? []),
    ],
    ...(state?.lastGood ? { lastGood: state.lastGood } : {}),
    ...(daemon?.nextRunAt ? { nextRunAt: daemon.nextRunAt } : {}),
  };
}

/** What the last run missed, and what the daemon has missed since, unless it is no longer expected. */
function missingBackups(
  places: NonNullable<State["places"]>,
  seen: NonNullable<DaemonState["targets"]>,
): readonly string[] {
  return Object.entries(places).flatMap(([target, { last, missing }]) => {
    const since = seen.find(({ name }) => name === target)?.missing;
    const mark = missing ?? (since?.id === last?.id ? since : undefined);
    return mark ? [vanishedText({ target, mark })] : [];
  });
}

function unusableTargets(targets: NonNullable<DaemonState["targets"]>): { sentences: string[]; areAll: boolean } {
  const sentences = targets.flatMap(({ name, problem }) =>
    problem === undefined ? [] : [`target '${name}' cannot be used: ${problem}`],
  );
  return { sentences, areAll: sentences.length > 0 && sentences.length === targets.length };
}
