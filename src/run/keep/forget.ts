import { parseKey } from "../../plan/names.ts";
import type { RunReport } from "../../report/outcome.ts";
import { acquireLock } from "../../system/lock.ts";
import type { Target } from "../../targets/target.ts";
import { findCopies, type Copies, type Copy } from "../catalogue/copies.ts";
import { conduct } from "../conduct/conduct.ts";
import { readState, updateState } from "../conduct/state.ts";
import type { Tools } from "../conduct/tools.ts";
import { pendingInPlace } from "../in-place/pending.ts";
import { onEachCopy } from "./each-copy.ts";
import type { WantedCopies } from "./pin.ts";
import { requireRemovable } from "./removable.ts";
import { missNoMore } from "./settle-vanished.ts";

export interface WantedGone extends WantedCopies {
  /** Also if nothing newer and good is left on a target. */
  readonly evenNewest: boolean;
  readonly dryRun: boolean;
}

/** What was removed from one target, or would be. */
export interface Forgotten {
  readonly target: string;
  readonly keys: readonly string[];
}

/**
 * Removes one backup from every target that has it, or from one; also something broken, by its stem. Nothing is removed
 * anywhere where a copy is pinned, is wanted by a restore that is not ended, has increments standing on it, or is the
 * newest good one of its target.
 */
export async function forget(
  wanted: WantedGone,
  tools: Tools,
  signal: AbortSignal,
): Promise<{ report: RunReport; forgotten: readonly Forgotten[] }> {
  const { config, clock } = tools;
  const forgotten: Forgotten[] = [];
  const report = await conduct("forget", tools, async (run) => {
    using _lock = await acquireLock(config.state, "forget", config.lockTimeoutMs, clock, signal);
    if (wanted.dryRun) run.note({ dryRun: true });
    const found = await findCopies(wanted, run, tools, signal);
    const pending = await pendingInPlace(config.state);
    for (const copy of found.copies) requireRemovable(copy, pending, wanted.evenNewest);
    const [first] = found.copies;
    if (first?.backup.receipt) run.note({ backupId: first.backup.receipt.id });
    await onEachCopy("removed", found.copies, run, signal, async ({ holding: { target }, backup }) => {
      const what = `backup '${backup.receipt?.id ?? backup.stem}' (${backup.stem})`;
      const { receiptKey } = backup;
      const rest = await otherKeys(target, backup, tools, signal);
      // The receipt first, so that a run cut off here leaves no receipt without its archive.
      if (!wanted.dryRun) await target.remove([receiptKey], signal);
      forgotten.push({ target: target.name, keys: [receiptKey, ...rest] });
      if (!wanted.dryRun) await target.remove(rest, signal);
      run.say(`${what} ${wanted.dryRun ? "would be" : "was"} removed from '${target.name}'`);
    });
    if (!wanted.dryRun) await expectNoMore(found, forgotten, tools);
  });
  return { report, forgotten };
}

async function otherKeys(
  target: Target,
  { stem, receiptKey }: Copy["backup"],
  { config }: Tools,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const keys = (await target.list(signal)).map(({ key }) => key);
  return keys.filter((key) => key !== receiptKey && parseKey(key, config.name)?.stem === stem).sort();
}

/** What the state folder knows of the backup: it is not missed, also where it was gone before, and not the newest good. */
async function expectNoMore(
  { copies, holdings }: Copies,
  forgotten: readonly Forgotten[],
  tools: Tools,
): Promise<void> {
  const { state } = tools.config;
  const { stem, receipt } = copies[0]!.backup;
  const hadIt = (holding: Copy["holding"]) => copies.some((copy) => copy.holding === holding);
  const lostIt = (holding: Copy["holding"]) => forgotten.some(({ target }) => target === holding.target.name);
  for (const holding of holdings) if (lostIt(holding) || !hadIt(holding)) await missNoMore(holding, [stem], tools);
  const isEverywhere = holdings.length === tools.targets.length && copies.length === forgotten.length;
  const lastGood = (await readState(state))?.lastGood;
  if (!isEverywhere || lastGood === undefined || lastGood.id !== receipt?.id) return;
  const [best] = holdings
    .flatMap(({ backups }) => backups.map(({ receipt: one }) => one))
    .filter(({ id, outcome }) => outcome === "good" && id !== lastGood.id)
    .sort((a, b) => b.sequence - a.sequence);
  await updateState(state, { lastGood: best && { id: best.id, takenAt: best.takenAt } });
}
