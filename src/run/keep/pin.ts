import { LifeboatError } from "../../errors.ts";
import { pinKey } from "../../plan/names.ts";
import type { RunReport } from "../../report/outcome.ts";
import { acquireLock } from "../../system/lock.ts";
import { findCopies } from "../catalogue/copies.ts";
import { pinBytes } from "../catalogue/pin-bytes.ts";
import { prove } from "../catalogue/prove.ts";
import { bodyAtRest } from "../conduct/body-at-rest.ts";
import { conduct } from "../conduct/conduct.ts";
import { openSpool } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";
import { onEachCopy } from "./each-copy.ts";

export interface WantedCopies {
  /** As all commands take it. */
  readonly id: string;
  /** Name of the only target to change something at. */
  readonly target?: string;
}

/** Keeps a backup whatever retention says, on each target that has it. One that is pinned already stays so. */
export async function pin(wanted: WantedCopies, tools: Tools, signal: AbortSignal): Promise<RunReport> {
  const { config, clock } = tools;
  return await conduct("pin", tools, async (run) => {
    using _lock = await acquireLock(config.state, "pin", config.lockTimeoutMs, clock, signal);
    await using spool = await openSpool(config.state, clock);
    const { copies } = await findCopies(wanted, run, tools, signal);
    await onEachCopy("pinned", copies, run, signal, async ({ holding: { target }, backup }) => {
      if ("problem" in backup) throw backup.problem;
      const { id } = backup.receipt;
      run.note({ backupId: id });
      if (!backup.pinned) {
        const { key, body } = await bodyAtRest(pinKey(backup.stem), pinBytes(id, clock.now()), spool);
        await target.put(key, body, signal);
        await prove(target, key, body, signal);
        await spool.empty();
      }
      run.say(`backup '${id}' is ${backup.pinned ? "already " : ""}pinned on '${target.name}'`);
    });
  });
}

/** Leaves a backup to retention again. Rejects with "not-found" in the report if it is pinned nowhere. */
export async function unpin(wanted: WantedCopies, tools: Tools, signal: AbortSignal): Promise<RunReport> {
  const { config, clock } = tools;
  return await conduct("unpin", tools, async (run) => {
    using _lock = await acquireLock(config.state, "unpin", config.lockTimeoutMs, clock, signal);
    const { copies } = await findCopies(wanted, run, tools, signal);
    const pinned = copies.filter(({ backup }) => backup.pinned);
    if (pinned.length === 0) {
      throw new LifeboatError("not-found", `backup '${wanted.id}' is not pinned`, {
        hint: "'lifeboat list' shows which backups are.",
      });
    }
    await onEachCopy("unpinned", pinned, run, signal, async ({ holding: { target }, backup }) => {
      if (backup.receipt) run.note({ backupId: backup.receipt.id });
      await target.remove([pinKey(backup.stem)], signal);
      run.say(`backup '${backup.receipt?.id ?? backup.stem}' is no longer pinned on '${target.name}'`);
    });
  });
}
