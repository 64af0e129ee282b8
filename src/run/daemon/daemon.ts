import cron from "node-cron";
import { describeError } from "../../errors.ts";
import { missedRun, nextRun } from "../../plan/schedule.ts";
import type { RunReport } from "../../report/outcome.ts";
import { vanishedNow } from "../catalogue/vanished.ts";
import { daemonRecord } from "./daemon-record.ts";
import { endLeftovers } from "../recovery/leftovers.ts";
import { HEARTBEAT_MS, readDaemonState, readState, type DaemonState } from "../conduct/state.ts";
import type { Tools } from "../conduct/tools.ts";
import { watchTargets } from "./watch-targets.ts";

/** A firing handled later than this was missed, and needs no jitter on top. */
const LATE_MS = 2 * HEARTBEAT_MS;

/**
 * Runs backups on schedule until `signal` is aborted; resolves once the run then under way has ended in order.
 * At start it brings back what a dead run left at rest, catches up on one missed run, however many were missed, and
 * looks whether the targets can be used, and have what they had.
 * Resolves with true if the signal interrupted a run.
 */
export async function daemon(
  tools: Tools,
  runBackup: (signal: AbortSignal) => Promise<RunReport>,
  signal: AbortSignal,
): Promise<boolean> {
  const { config, clock, log } = tools;
  const { cronExpression, timeZone, jitterMs, onStart } = config.schedule;
  await using _leftovers = await endLeftovers(tools, signal);
  const record = daemonRecord(config.state, await startState(tools));

  let current: Promise<void> | undefined;
  let interrupted = false;
  const complain = (error: unknown) => log.error("daemon state not written", { error: describeError(error) });
  const runOnce = async (why: string, waitMs: number) => {
    try {
      if (waitMs > 0) log.info("waiting before the run", { why, waitMs: Math.round(waitMs) });
      await clock.sleep(waitMs, signal);
    } catch {
      return; // Asked to end while nothing was under way yet.
    }
    try {
      await runBackup(signal);
    } catch (error) {
      // runBackup reports its own failures; what is left is a defect, and the next run must still come.
      log.error("run ended with an error nobody foresaw", { why, error: describeError(error) });
    }
    interrupted ||= signal.aborted;
  };
  const begin = (why: string, waitMs: number) => {
    if (signal.aborted) return;
    if (current) {
      log.warn("scheduled run skipped, one is still under way", { why });
      void record.change({ skippedOverlaps: record.current().skippedOverlaps + 1 }).catch(complain);
      return;
    }
    current = runOnce(why, waitMs).finally(() => (current = undefined));
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
    begin(isLate ? `the run of ${due.toISOString()} was missed` : "schedule", isLate ? 0 : Math.random() * jitterMs);
  };
  const nextRunAt = () => ({ nextRunAt: nextRun(cronExpression, timeZone, clock.now()).toISOString() });
  const task = cron.schedule(cronExpression, beginIfDue, { timezone: timeZone, suppressMissedWarning: true });
  await record.change(nextRunAt());
  using _heartbeat = clock.every(HEARTBEAT_MS, () => {
    beginIfDue();
    void record.change({ heartbeatAt: clock.now().toISOString(), ...nextRunAt() }).catch(complain);
  });

  const watching = watchTargets(
    tools,
    (target, until) => vanishedNow(target, tools, until),
    (targets) => void record.change({ targets: [...targets] }).catch(complain),
    signal,
  );
  log.info("daemon started", { schedule: cronExpression, timeZone, ...nextRunAt() });
  if (onStart) {
    handledUntil = clock.now();
    begin("BACKUP_ON_START", 0);
  } else beginIfDue();

  await aborted(signal);
  log.info("daemon stopping", { runUnderWay: current !== undefined });
  await task.destroy();
  await current;
  await watching;
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
