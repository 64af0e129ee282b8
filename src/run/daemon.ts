import cron from "node-cron";
import { describeError } from "../errors.ts";
import { missedRun } from "../plan/schedule.ts";
import type { RunReport } from "../report/outcome.ts";
import { recoverAtStart } from "./recover.ts";
import { HEARTBEAT_MS, readDaemonState, readState, writeDaemonState, type DaemonState } from "./state.ts";
import type { Tools } from "./tools.ts";

/**
 * Runs backups on schedule until `signal` is aborted; resolves once the run then under way has ended in order.
 * At start it brings back what a dead run left at rest, and catches up on one missed run, however many were missed.
 * Resolves with true if the signal interrupted a run.
 */
export async function daemon(
  tools: Tools,
  runBackup: (signal: AbortSignal) => Promise<RunReport>,
  signal: AbortSignal,
): Promise<boolean> {
  const { config, clock, log } = tools;
  const { cronExpression, timeZone, jitterMs, onStart } = config.schedule;
  await recoverAtStart(tools, signal);
  let state = await startState(tools);
  const publish = (change: Partial<DaemonState>) => {
    state = { ...state, ...change };
    return writeDaemonState(config.state, state);
  };

  let current: Promise<void> | undefined;
  let interrupted = false;
  const begin = (why: string, waitMs: number) => {
    if (signal.aborted) return;
    if (current) {
      log.warn("scheduled run skipped, one is still under way", { why });
      void publish({ skippedOverlaps: state.skippedOverlaps + 1 }).catch(complain);
      return;
    }
    current = runOnce(why, waitMs).finally(() => (current = undefined));
  };
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
  const complain = (error: unknown) => log.error("daemon state not written", { error: describeError(error) });

  const task = cron.schedule(cronExpression, () => begin("schedule", Math.random() * jitterMs), {
    timezone: timeZone,
    suppressMissedWarning: true,
  });
  // A suspended machine or a blocked loop lets a firing pass by; node-cron says so instead of running it.
  task.on("execution:missed", () => begin("a firing was missed", 0));
  await publish(nextRunOf(task));
  using _heartbeat = clock.every(HEARTBEAT_MS, () => {
    void publish({ heartbeatAt: clock.now().toISOString(), ...nextRunOf(task) }).catch(complain);
  });

  log.info("daemon started", { schedule: cronExpression, timeZone, ...nextRunOf(task) });
  const lastRunAt = (await readState(config.state))?.lastRunAt;
  const missed = missedRun(cronExpression, timeZone, lastRunAt ? new Date(lastRunAt) : undefined, clock.now());
  if (onStart) begin("BACKUP_ON_START", 0);
  else if (missed) begin(`the run of ${missed.toISOString()} was missed`, 0);

  await aborted(signal);
  log.info("daemon stopping", { runUnderWay: current !== undefined });
  await task.destroy();
  await current;
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

function nextRunOf(task: { getNextRun(): Date | null }): { nextRunAt?: string } {
  const next = task.getNextRun();
  return next ? { nextRunAt: next.toISOString() } : {};
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
