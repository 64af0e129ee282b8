import { describeError, hintOf } from "../../errors.ts";
import { settle, type RunReport, type Step } from "../../report/outcome.ts";
import { noteEndedRun } from "./ended-runs.ts";
import type { Tools } from "./tools.ts";

type Noted = Pick<RunReport, "backupId" | "targets" | "dryRun">;

/** What a recipe tells while it works; becomes the report of the run. */
export interface Conduct {
  /** Times one step and logs its end. A failure is the caller's to handle. */
  step<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** A sentence that someone must read: the run is degraded by it. */
  warn(sentence: string, fields?: Readonly<Record<string, unknown>>): void;
  /** A sentence that may be read: what was chosen, and why. */
  say(sentence: string, fields?: Readonly<Record<string, unknown>>): void;
  /** Every sentence warned of so far. */
  readonly warnings: readonly string[];
  /** A container that is not in the state it had: exit code 14, whatever else went well. */
  leftDown(container: string, error: Error): void;
  /** Facts for the report: the backup's id, what each target did, that nothing was meant to be done. */
  note(facts: Partial<Noted>): void;
}

/**
 * Runs a recipe and gives its report. Never rejects for a failure of the recipe: that is in the report
 * (`outcome`, `failure`, `exitCode`) and in the log, or in the report alone where that is shown beside the log. Word of
 * it is left for the daemon, unless it was a dry run.
 */
export async function conduct(
  command: string,
  {
    config,
    clock,
    log,
    targets,
    showsReport = false,
  }: Pick<Tools, "config" | "clock" | "log" | "targets" | "showsReport">,
  recipe: (run: Conduct) => Promise<void>,
): Promise<RunReport> {
  const startedAt = clock.now();
  const steps: Step[] = [];
  const warnings: string[] = [];
  const notes: string[] = [];
  const leftDown: string[] = [];
  let facts: Partial<Noted> = {};
  const run: Conduct = {
    async step(name, work) {
      const began = clock.elapsedMs();
      try {
        return await work();
      } finally {
        const tookMs = Math.round(clock.elapsedMs() - began);
        steps.push({ name, tookMs });
        log.debug("step ended", { command, step: name, tookMs });
      }
    },
    warn(sentence, fields) {
      warnings.push(sentence);
      log.warn(sentence, fields);
    },
    say(sentence, fields) {
      notes.push(sentence);
      log.info(sentence, fields);
    },
    warnings,
    leftDown(container, error) {
      leftDown.push(container);
      log.error("container was not brought back", { container, error: describeError(error), hint: hintOf(error) });
    },
    note(more) {
      facts = { ...facts, ...more };
    },
  };
  let failure: unknown;
  try {
    await recipe(run);
  } catch (error) {
    failure = error;
    if (!showsReport) log.error(`${command} failed`, { error: describeError(error), hint: hintOf(error) });
  }
  for (const target of targets) warnings.push(...(target.takeRemarks?.() ?? []));
  const ended = { command, startedAt, finishedAt: clock.now(), steps, warnings, notes, leftDown, failure };
  const report = settle({ ...ended, ...facts });
  if (!report.dryRun) await leaveWord(report, config.state, log);
  return report;
}

async function leaveWord(report: RunReport, stateFolder: string, log: Tools["log"]): Promise<void> {
  try {
    await noteEndedRun(stateFolder, report);
  } catch (error) {
    log.debug("the daemon's log will not have this run", { error: describeError(error) });
  }
}
