import cron from "node-cron";
import { describeError } from "../../errors.ts";
import { missedRun, nextRun } from "../../plan/schedule.ts";
import type { RunReport } from "../../report/outcome.ts";
import { vanishedNow } from "../catalogue/vanished.ts";
import { daemonRecord } from "./daemon-record.ts";
import { endLeftovers } from "../recovery/leftovers.ts";
import { HEARTBEAT_MS, readDaemonState, readState, type DaemonState } from "../conduct/state.ts";
import { becomeDaemon } from "../../system/lock.ts";
import type { Tools } from "../conduct/tools.ts";
import { TELL_RUNS_MS, tellingRuns } from "./tell-runs.ts";
import { watchTargets } from "./watch-targets.ts";

/** A firing handled later than this was missed, and needs no jitter on top. */
const LATE_MS = 2 * HEARTBEAT_MS;

/** What the daemon has done, and when is its own to know. */
export interface Works {
  /** Is given the time that the run was due at, but for the one at start. */
  runBackup(signal: AbortSignal, due?: Date): Promise<RunReport>;
  /** Tells what the next backup would save, beside everything else. Never rejects, and resolves when the daemon is to end. */
  tellAhead(): Promise<void>;
}

/**
 * Runs backups on schedule until `signal` is aborted; resolves once the run then under way has ended in order.
 * At start it brings back what a dead run left at rest, catches up on one missed run, however many were missed, and
 * looks whether the targets can be used and have what they had, and tells what would be saved.
 * Resolves with true if the signal interrupted a run. Rejects with "locked" if another daemon runs here.
 */
export async function daemon(tools: Tools, { runBackup, tellAhead }: Works, signal: AbortSignal): Promise<boolean> {
  const { config, clock, log } = tools;
  const { cronExpression, timeZone, jitterMs, onStart } = config.schedule;
  using _alone = becomeDaemon(config.state, clock);
  await using _leftovers = await endLeftovers(tools, signal);
  const record = daemonRecord(config.state, await startState(tools));

  let current: Promise<void> | undefined;
  let interrupted = false;
  const complain = (error: unknown) => log.error("daemon state not written", { error: describeError(error) });
  const runOnce = async (why: string, waitMs: number, due?: Date) => {
    try {
      if (waitMs > 0) log.info("waiting before the run", { why, waitMs: Math.round(waitMs) });
      await clock.sleep(waitMs, signal);
    } catch {
      return; // Asked to end while nothing was under way yet.
    }
    try {
      await runBackup(signal, due);
    } catch (error) {
      // runBackup reports its own failures; what is left is a defect, and the next run must still come.
      log.error("run ended with an error nobody foresaw", { why, error: describeError(error) });
    }
    interrupted ||= signal.aborted;
  };
  const begin = (why: string, waitMs: number, due?: Date) => {
    if (signal.aborted) return;
    if (current) {
      log.warn("scheduled run skipped, one is still under way", { why });
      void record.change({ skippedOverlaps: record.current().skippedOverlaps + 1 }).catch(complain);
      return;
    }
    current = runOnce(why, waitMs, due).finally(() => (current = undefined));
  };

  // node-cron fires; whether a run is due is the plan's to say. On the nights when the clocks change node-cron passes
  // over a time that is skipped and fires at the second of two, and a suspended machine loses firings altogether.
  let handledUntil = await lastRunTime(tools);
  const beginIfDue = () => {
    const now = clock.now();
    const due = missedRun(cronExpression, timeZone, handledUntil, now);
    if (!due) return;
    handledUntil = now;
    const isLate = now.getTime() - due.getTime() > LATE_MS;
    const why = isLate ? `the run of ${due.toISOString()} was missed` : "schedule";
    begin(why, isLate ? 0 : Math.random() * jitterMs, due);
  };
  const nextRunAt = () => ({ nextRunAt: nextRun(cronExpression, timeZone, clock.now()).toISOString() });
  const task = cron.schedule(cronExpression, beginIfDue, { timezone: timeZone, suppressMissedWarning: true });
  await record.change(nextRunAt());
  using _heartbeat = clock.every(HEARTBEAT_MS, () => {
    beginIfDue();
    void record.change({ heartbeatAt: clock.now().toISOString(), ...nextRunAt() }).catch(complain);
  });

  const tellRuns = await tellingRuns(tools);
  using _telling = clock.every(TELL_RUNS_MS, () => {
    void tellRuns().catch((error: unknown) => {
      log.error("runs of other processes cannot be told of", { error: describeError(error) });
    });
  });

  const watching = watchTargets(
    tools,
    (target, until) => vanishedNow(target, tools, until),
    (targets) => void record.change({ targets: [...targets] }).catch(complain),
    signal,
  );
  log.info("daemon started", { schedule: cronExpression, timeZone, ...nextRunAt() });
  const telling = tellAhead();
  if (onStart) {
    handledUntil = clock.now();
    begin("BACKUP_ON_START", 0);
  } else beginIfDue();

  await aborted(signal);
  log.info("daemon stopping", { runUnderWay: current !== undefined });
  await task.destroy();
  await current;
  await Promise.all([watching, telling]);
  await record.settled();
  return interrupted;
}

async function startState({ config, clock }: Tools): Promise<DaemonState> {
  const now = clock.now().toISOString();
  const before = await readDaemonState(config.state);
  return {
    version: 1,
    firstStartedAt: before?.firstStartedAt ?? now,
    heartbeatAt: now,
    skippedOverlaps: before?.skippedOverlaps ?? 0,
  };
}

/** Firings before this are done with: the last run's beginning, or now if there never was one. */
async function lastRunTime({ config, clock }: Tools): Promise<Date> {
  const lastRunAt = (await readState(config.state))?.lastRunAt;
  return lastRunAt === undefined ? clock.now() : new Date(lastRunAt);
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
