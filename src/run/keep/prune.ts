import { decideRetention } from "../../plan/retention.ts";
import { isLongOver } from "../../plan/names.ts";
import { describeError, LifeboatError } from "../../errors.ts";
import type { RunReport } from "../../report/outcome.ts";
import { acquireLock } from "../../system/lock.ts";
import type { Target } from "../../targets/target.ts";
import { readHolding, type Holding } from "../catalogue/catalogue.ts";
import { conduct } from "../conduct/conduct.ts";
import { removeLeftFiles } from "../conduct/left-files.ts";
import { pendingInPlace, type Pending } from "../in-place/pending.ts";
import { firstBrokenOnes } from "../catalogue/tell.ts";
import type { Tools } from "../conduct/tools.ts";
import { missNoMore } from "./settle-vanished.ts";

/** What pruning one target did, or would do. */
export interface Pruning {
  readonly target: string;
  readonly keep: readonly { readonly id: string; readonly reasons: readonly string[] }[];
  readonly remove: readonly { readonly id: string; readonly reasons: readonly string[] }[];
  /** Stems of objects without a receipt, older than a day. */
  readonly sweep: readonly string[];
  /** Why nothing, or not all that is due, is removed. */
  readonly refused?: string;
}

/** Decides, without doing. The backup of a restore that is not ended may be wanted again, so it stays. */
export function planPruning(holding: Holding, { config, clock }: Tools, pending?: Pending): Pruning {
  const now = clock.now();
  const decision = decideRetention(
    holding.backups.map(({ receipt, pinned }) => ({
      id: receipt.id,
      takenAt: new Date(receipt.takenAt),
      outcome: receipt.outcome,
      parent: receipt.parent,
      pinned,
    })),
    config.retentionDays === undefined ? {} : { days: config.retentionDays },
    now,
  );
  const orphans = holding.orphans.filter(({ keys: [key] }) => {
    return key !== undefined && isLongOver(key, config.name, now);
  });
  const wanted = holding.backups.find(({ receipt }) => receipt.id === pending?.backupId)?.receipt;
  const isSpared = ({ id }: { readonly id: string }) => id === wanted?.id || id === wanted?.parent;
  const spared = decision.remove.filter(isSpared).map(({ id }) => ({ id, reasons: ["its restore is not ended"] }));
  return {
    target: holding.target.name,
    ...decision,
    keep: [...decision.keep, ...spared],
    remove: decision.remove.filter((one) => !isSpared(one)),
    sweep: orphans.map(({ stem }) => stem),
  };
}

/** Removes what `planPruning` says: receipts first, so that a run cut off here leaves no receipt without its archive. */
async function pruneHolding(
  holding: Holding,
  tools: Tools,
  pending: Pending | undefined,
  signal: AbortSignal,
): Promise<Pruning> {
  const { target } = holding;
  const pruning = planPruning(holding, tools, pending);
  const doomed = new Set(pruning.remove.map(({ id }) => id));
  const backups = holding.backups.filter(({ receipt }) => doomed.has(receipt.id));
  // What stands on another goes before it: cut off in between, nothing is left that cannot be restored.
  for (const kind of ["incr", "full"] as const) {
    const keys = backups.filter(({ receipt }) => receipt.kind === kind).map(({ receiptKey }) => receiptKey);
    if (keys.length > 0) await target.remove(keys, signal);
  }
  const rest = [
    ...backups.flatMap(({ receipt }) => [receipt.index.key, receipt.archive.key]),
    ...holding.orphans.filter(({ stem }) => pruning.sweep.includes(stem)).flatMap(({ keys }) => keys),
  ];
  if (rest.length > 0) await target.remove(rest, signal);
  await target.sweep((key) => isLongOver(key, tools.config.name, tools.clock.now()), signal);
  if (pruning.refused !== undefined) tools.log.warn("pruning refused", { target: target.name, why: pruning.refused });
  for (const { id, reasons } of pruning.remove) tools.log.info("backup removed", { target: target.name, id, reasons });
  return pruning;
}

/** Prunes each target that took this run's backup; gives a sentence for each that could not be pruned. */
export async function pruneTargets(
  targets: readonly Target[],
  tools: Tools,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const prune = async (target: Target) =>
    await pruneHolding(await readHolding(target, tools, signal), tools, undefined, signal);
  const results = await Promise.allSettled(targets.map(prune));
  signal.throwIfAborted();
  return results.flatMap((result, at) => {
    if (result.status === "fulfilled") return result.value.refused === undefined ? [] : [result.value.refused];
    return [`target '${targets[at]?.name}' could not be pruned: ${describeError(result.reason)}`];
  });
}

/** The `prune` command: every target, or with `dryRun` only the plan of it. */
export async function pruneAll(
  dryRun: boolean,
  tools: Tools,
  signal: AbortSignal,
): Promise<{ report: RunReport; prunings: readonly Pruning[] }> {
  const { config, clock } = tools;
  const prunings: Pruning[] = [];
  const report = await conduct("prune", tools, async (run) => {
    using _lock = await acquireLock(config.state, "prune", config.lockTimeoutMs, clock, signal);
    if (dryRun) run.note({ dryRun });
    else await removeLeftFiles(tools);
    const pending = await pendingInPlace(config.state);
    if (pending) run.warn(pending.sentence);
    for (const target of tools.targets) {
      try {
        const holding = await readHolding(target, tools, signal);
        for (const sentence of firstBrokenOnes([holding])) run.warn(sentence);
        const pruning = dryRun
          ? planPruning(holding, tools, pending)
          : await pruneHolding(holding, tools, pending, signal);
        prunings.push(pruning);
        const doomed = new Set(pruning.remove.map(({ id }) => id));
        const stems = holding.backups.flatMap(({ stem, receipt }) => (doomed.has(receipt.id) ? [stem] : []));
        if (!dryRun) await missNoMore(holding, stems, tools);
        if (pruning.refused !== undefined) run.warn(`target '${target.name}': ${pruning.refused}`);
      } catch (error) {
        signal.throwIfAborted();
        run.warn(`target '${target.name}' could not be pruned: ${describeError(error)}`);
      }
    }
    if (prunings.length === 0) throw new LifeboatError("failed", "no target could be pruned");
  });
  return { report, prunings };
}
