import { receiptKey } from "../plan/names.ts";
import type { RunReport } from "../report/outcome.ts";
import { failpoint } from "../system/failpoint.ts";
import { acquireLock } from "../system/lock.ts";
import { describeError } from "../errors.ts";
import { makeAtRest, type Made } from "./at-rest.ts";
import { readAllHoldings } from "./catalogue.ts";
import { conduct, type Conduct } from "./conduct.ts";
import { newestReceipt } from "./predecessor.ts";
import { pruneTargets } from "./prune.ts";
import { composeReceipt } from "./receipt.ts";
import { shipToAll, type Cargo } from "./ship.ts";
import { surveySources } from "./snapshot.ts";
import { openSpool, requireSpace, type Spool } from "./spool.ts";
import { readState, updateState } from "./state.ts";
import type { Tools } from "./tools.ts";

/** Where a test can let a backup die (`failpoint`), in the order in which a run passes them. */
export const backupFailpoints = [
  "backup:locked",
  "backup:surveyed",
  "backup:held",
  "backup:copied",
  "backup:sealed",
  "backup:released",
  "ship:archive",
  "ship:index",
  "ship:proven",
  "ship:receipt",
  "backup:shipped",
  "backup:pruned",
] as const;

/**
 * One backup, start to end. Resolves with its report whatever came of it.
 * The containers are back, the spool is empty and the lock is free when it resolves.
 */
export async function backup(tools: Tools, signal: AbortSignal): Promise<RunReport> {
  const { config, clock } = tools;
  return await conduct("backup", tools, async (run) => {
    using _lock = await acquireLock(config.state, "backup", config.lockTimeoutMs, clock, signal);
    await failpoint("backup:locked", signal);
    await updateState(config.state, { lastRunAt: clock.now().toISOString() });
    await bringBackLeftovers(tools, run);
    await using spool = await openSpool(config.state, clock);
    await makeBackup(run, spool, tools, signal);
  });
}

async function makeBackup(run: Conduct, spool: Spool, tools: Tools, signal: AbortSignal): Promise<void> {
  const { config, log } = tools;
  await requireRoom(run, spool, tools, signal);
  await failpoint("backup:surveyed", signal);
  const { holdings, unreadable } = await run.step("look", () => readAllHoldings(tools, signal));
  for (const { target, error } of unreadable) {
    log.warn("target cannot be read", { target: target.name, error: describeError(error) });
  }
  const predecessor = await newestReceipt(holdings, tools);
  if (predecessor.warning) run.warn(predecessor.warning);

  const taken = holdings.flatMap(({ backups, broken, orphans }) => [...backups, ...broken, ...orphans]);
  const stems = taken.map(({ stem }) => stem);
  const made = await makeAtRest(stems, run, spool, tools, signal);
  for (const { name, flaws } of made.findings) for (const flaw of flaws) run.warnOnce(`'${name}': ${flaw}`);
  run.note({ backupId: made.id });
  await failpoint("backup:released", signal);

  const receipt = await composeReceipt(made, predecessor, run.warnings, tools);
  const shipped = await run.step("ship", () => shipToAll(cargoOf(made, receipt), spool, run, tools, signal));
  await remember(made, receipt, config.state);
  await failpoint("backup:shipped", signal);

  for (const problem of await run.step("prune", () => pruneTargets(shipped, tools, signal))) run.warn(problem);
  await failpoint("backup:pruned", signal);
}

/** A run that died may have left containers at rest; they come back before anything else happens. */
async function bringBackLeftovers({ quiescer, log }: Tools, run: Conduct): Promise<void> {
  const { broughtBack, failures } = await quiescer.recover();
  if (broughtBack.length > 0) log.warn("containers brought back that a dead run had left at rest", { broughtBack });
  for (const failure of failures) run.leftDown(failure.container, failure.error);
}

/** Before anything is held: is there something to save, and room to seal it? */
async function requireRoom(run: Conduct, spool: Spool, tools: Tools, signal: AbortSignal): Promise<void> {
  const { totals, databases } = await run.step("survey", async () =>
    surveySources(await spool.makeFolder("survey"), tools, signal),
  );
  const databaseBytes = databases.reduce((sum, database) => sum + database.sizeBytes, 0);
  // Compressed to what the last run's data was, with a quarter more for data that has changed in kind.
  const ratio = Math.min(1, ((await readState(tools.config.state))?.lastRatio ?? 1) * 1.25);
  const sealedBytes = Math.ceil((totals.sizeBytes + databaseBytes) * ratio);
  await requireSpace(tools.config.state, databaseBytes + sealedBytes, "to copy the databases and seal the archive");
}

function cargoOf({ stem, sealed }: Made, receipt: Receipt): Cargo {
  return {
    archive: { key: receipt.fields.archive.key, file: sealed.archive },
    index: { key: receipt.fields.index.key, file: sealed.index },
    receipt: { key: receiptKey(stem), bytes: receipt.bytes },
  };
}
