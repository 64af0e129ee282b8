import { nextStem, receiptKey, type BackupKind } from "../../plan/names.ts";
import type { Config } from "../../config/config.ts";
import type { RunReport } from "../../report/outcome.ts";
import { failpoint } from "../../system/failpoint.ts";
import { acquireLock } from "../../system/lock.ts";
import { describeError } from "../../errors.ts";
import { makeAtRest, type Intent, type Made } from "./at-rest.ts";
import { readAllHoldings, type Holding } from "../catalogue/catalogue.ts";
import { chooseFoundations, type WantedKind } from "./choose-foundations.ts";
import { conduct, type Conduct } from "../conduct/conduct.ts";
import { keepManifests } from "../catalogue/manifests.ts";
import { newestReceipt } from "../catalogue/predecessor.ts";
import { pruneTargets } from "../keep/prune.ts";
import { bringBackLeftovers } from "../recovery/recover.ts";
import { composeReceipt, type ComposedReceipt } from "./receipt.ts";
import { shipToAll, type Cargo } from "./ship.ts";
import { surveyAll, type Surveyed } from "./snapshot.ts";
import { openSpool, requireSpace, type Spool } from "../conduct/spool.ts";
import { readState, updateState } from "../conduct/state.ts";
import type { Tools } from "../conduct/tools.ts";

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
  return await backUp("settings", tools, signal);
}

/** As `backup`, with every base backup whole, whatever the settings say. */
export async function fullBackup(tools: Tools, signal: AbortSignal): Promise<RunReport> {
  return await backUp("full", tools, signal);
}

async function backUp(wanted: WantedKind, tools: Tools, signal: AbortSignal): Promise<RunReport> {
  const { config, clock } = tools;
  return await conduct("backup", tools, async (run) => {
    using _lock = await acquireLock(config.state, "backup", config.lockTimeoutMs, clock, signal);
    await failpoint("backup:locked", signal);
    await updateState(config.state, { lastRunAt: clock.now().toISOString() });
    for (const { container, error } of await bringBackLeftovers(tools)) run.leftDown(container, error);
    await using spool = await openSpool(config.state, clock);
    await makeBackup(wanted, run, spool, tools, signal);
  });
}

async function makeBackup(
  wanted: WantedKind,
  run: Conduct,
  spool: Spool,
  tools: Tools,
  signal: AbortSignal,
): Promise<void> {
  const { config, clock, log } = tools;
  const surveyed = await surveyAndRequireRoom(run, spool, tools, signal);
  await failpoint("backup:surveyed", signal);
  const look = await run.step("look", () => readAllHoldings(tools, signal));
  const { holdings, unreadable } = look;
  for (const { target, error } of unreadable) {
    log.warn("target cannot be read", { target: target.name, error: describeError(error) });
  }
  const predecessor = await newestReceipt(holdings, tools);
  if (predecessor.warning) run.warn(predecessor.warning);

  const stems = nextStems(holdings, config.name, clock.now());
  const foundations = await chooseFoundations({ wanted, physical: surveyed.physical, look }, run, tools, signal);
  const made = await makeAtRest({ stems, surveyed, foundations }, run, spool, tools, signal);
  for (const { name, flaws } of made.findings) for (const flaw of flaws) run.warn(`'${name}': ${flaw}`);
  tellKind(made, run);
  run.note({ backupId: made.id });
  await failpoint("backup:released", signal);

  const receipt = await composeReceipt(made, predecessor, run.warnings, tools);
  const shipped = await run.step("ship", () => shipToAll(cargoOf(made, receipt), spool, run, tools, signal));
  await remember(made, receipt, config.state);
  if (shipped.length === tools.targets.length) await keepFoundation(made, run, config);
  await failpoint("backup:shipped", signal);

  for (const problem of await run.step("prune", () => pruneTargets(shipped, tools, signal))) run.warn(problem);
  await failpoint("backup:pruned", signal);
}

/** The names of the backup that is to be made, for either kind it may come out as. */
function nextStems(holdings: readonly Holding[], name: string, takenAt: Date): Intent["stems"] {
  const taken = holdings.flatMap(({ backups, broken, orphans }) => [...backups, ...broken, ...orphans]);
  const stems = taken.map(({ stem }) => stem);
  const of = (kind: BackupKind) => nextStem({ name, kind, takenAt }, stems);
  return { full: of("full"), incr: of("incr") };
}

function tellKind({ parent, findings }: Made, run: Conduct): void {
  if (parent !== null) run.say(`an incremental backup: base backups in it stand on full backup '${parent}'`);
  for (const { name, facts } of findings) {
    const because = facts["wholeBecause"];
    if (because !== undefined) run.say(`'${name}' is whole, as the server gave no increment: ${String(because)}`);
  }
}

/** Before anything is held: is there something to save, and room to seal it? */
async function surveyAndRequireRoom(run: Conduct, spool: Spool, tools: Tools, signal: AbortSignal): Promise<Surveyed> {
  const surveyed = await run.step("survey", async () => surveyAll(await spool.makeFolder("survey"), tools, signal));
  const { files, databaseBytes } = surveyed;
  // Compressed to what the last run's data was, with a quarter more for data that has changed in kind.
  const ratio = Math.min(1, ((await readState(tools.config.state))?.lastRatio ?? 1) * 1.25);
  const { allocatedBytes, folders, symlinks } = files.totals;
  const members = files.totals.files + folders + symlinks;
  const tarBytes = allocatedBytes + databaseBytes + members * HEADER_BYTES;
  const sealedBytes = Math.ceil(tarBytes * ratio);
  await requireSpace(tools.config.state, databaseBytes + sealedBytes, "to copy the databases and seal the archive");
  return surveyed;
}

/** What a member takes in a tar stream beside its content, about. */
const HEADER_BYTES = 2048;

/** What the next run and `health` need to know of this one. */
async function remember({ sealed }: Made, { fields, bytes }: ComposedReceipt, stateFolder: string): Promise<void> {
  await updateState(stateFolder, {
    lastReceipt: bytes.toString("utf8"),
    lastRatio: sealed.archive.sizeBytes / sealed.tarBytes,
    ...(fields.outcome === "good" ? { lastGood: { id: fields.id, takenAt: fields.takenAt } } : {}),
  });
}

/** So that the next run can stand on this one. Only where all targets have it. */
async function keepFoundation({ kind, id, keepsakes }: Made, run: Conduct, { state, schedule }: Config): Promise<void> {
  if (schedule.fullCronExpression === undefined || kind !== "full" || keepsakes.length === 0) return;
  try {
    await keepManifests(state, id, keepsakes);
  } catch (error) {
    run.warn(
      `nothing can stand on this backup, as its manifests could not be kept in '${state}': ${describeError(error)}`,
    );
  }
}

function cargoOf({ stem, sealed }: Made, receipt: ComposedReceipt): Cargo {
  return {
    archive: { key: receipt.fields.archive.key, file: sealed.archive },
    index: { key: receipt.fields.index.key, file: sealed.index },
    receipt: { key: receiptKey(stem), bytes: receipt.bytes },
  };
}
