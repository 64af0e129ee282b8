import { openSigner, parseReceipt } from "../../archive/receipt.ts";
import { nextStem, pinKey, receiptKey, type BackupKind } from "../../plan/names.ts";
import type { Config } from "../../config/config.ts";
import type { RunReport } from "../../report/outcome.ts";
import { failpoint } from "../../system/failpoint.ts";
import { acquireLock } from "../../system/lock.ts";
import type { Target } from "../../targets/target.ts";
import { describeError } from "../../errors.ts";
import { makeAtRest, type Intent, type Made } from "./at-rest.ts";
import { readAllHoldings, type Holding } from "../catalogue/catalogue.ts";
import { chooseFoundations } from "./choose-foundations.ts";
import { conduct, type Conduct } from "../conduct/conduct.ts";
import { keepManifests } from "../catalogue/manifests.ts";
import { rememberSealedIndex } from "../catalogue/open-index.ts";
import { pinBytes } from "../catalogue/pin-bytes.ts";
import { newestReceipt } from "../catalogue/predecessor.ts";
import { knownPlaces, markOf, notedPlaces, vanishedFrom, vanishedText } from "../catalogue/vanished.ts";
import { pruneTargets } from "../keep/prune.ts";
import { bringBackLeftovers } from "../recovery/recover.ts";
import { requireRoom } from "./room.ts";
import { composeReceipt, type ComposedReceipt } from "./receipt.ts";
import { tellStrangers } from "./strangers.ts";
import { liesApart, unmountedTargets } from "./unmounted.ts";
import { shipToAll, type Cargo } from "./ship.ts";
import { surveyAll, type Surveyed } from "./snapshot.ts";
import { openSpool, type Spool } from "../conduct/spool.ts";
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

/** What is asked of one backup, beside the settings. */
export interface BackupWish {
  /** "full": with every base backup whole, whatever the settings say. */
  readonly kind?: "settings" | "full";
  /** Pinned from the start. */
  readonly pinned?: boolean;
}

/**
 * One backup, start to end. Resolves with its report whatever came of it.
 * The containers are back, the spool is empty and the lock is free when it resolves.
 */
export async function backup(tools: Tools, signal: AbortSignal, wish: BackupWish = {}): Promise<RunReport> {
  return await backUp(wish, tools, signal);
}

/** As `backup`, unless a good backup was taken since `due`: by a command, or by whoever had the lock until now. */
export async function backupDueAt(due: Date, tools: Tools, signal: AbortSignal): Promise<RunReport> {
  return await backUp({}, tools, signal, due);
}

async function backUp(wish: BackupWish, tools: Tools, signal: AbortSignal, due?: Date): Promise<RunReport> {
  const { config, clock } = tools;
  return await conduct("backup", tools, async (run) => {
    using _lock = await acquireLock(config.state, "backup", config.lockTimeoutMs, clock, signal);
    const last = (await readState(config.state))?.lastGood;
    if (due && last && new Date(last.takenAt) >= due) {
      run.say(`no backup is made: '${last.id}' was taken at ${last.takenAt}, after this one was due`);
      return;
    }
    await failpoint("backup:locked", signal);
    await updateState(config.state, { lastRunAt: clock.now().toISOString() });
    for (const { container, error } of await bringBackLeftovers(tools)) run.leftDown(container, error);
    await using spool = await openSpool(config.state, clock);
    await makeBackup(wish, run, spool, await knowingOneself(tools), signal);
  });
}

/** With the key that signs receipts here, before anything at the targets is believed: a first run makes it. */
async function knowingOneself(tools: Tools): Promise<Tools> {
  const { config, keys } = tools;
  if (config.encryption.kind === "passphrase") return tools;
  return { ...tools, keys: { ...keys, signers: [...(keys.signers ?? []), await openSigner(config.state)] } };
}

async function makeBackup(
  { kind: wanted = "settings", pinned = false }: BackupWish,
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
  tellStrangers(holdings, run, tools);
  const unmounted = await missTheVanished(holdings, run, tools);
  const predecessor = await newestReceipt(holdings, tools);

  const stems = nextStems(holdings, config.name, clock.now());
  const foundations = await chooseFoundations({ wanted, physical: surveyed.physical, look }, run, tools, signal);
  const made = await makeAtRest({ stems, surveyed, foundations }, run, spool, tools, signal);
  for (const { name, flaws } of made.findings) for (const flaw of flaws) run.warn(`'${name}': ${flaw}`);
  tellChoices(made, run);
  run.note({ backupId: made.id });
  await failpoint("backup:released", signal);

  const receipt = await composeReceipt(made, predecessor, run.warnings, tools);
  const cargo = {
    ...cargoOf(made, receipt),
    ...(pinned && { pin: { key: pinKey(made.stem), bytes: pinBytes(made.id, clock.now()) } }),
  };
  const shipped = await run.step("ship", () => shipToAll(cargo, unmounted, spool, run, tools, signal));
  if (pinned) run.say(`backup '${made.id}' is pinned: it is kept until 'lifeboat unpin ${made.id}'`);
  await remember(made, receipt, shipped, tools);
  await rememberSealedIndex(made.sealed.index.path, parseReceipt(receipt.bytes), tools, signal);
  if (shipped.length === tools.targets.length) await keepFoundation(made, run, config);
  await failpoint("backup:shipped", signal);

  for (const problem of await run.step("prune", () => pruneTargets(shipped, tools, signal))) run.warn(problem);
  await failpoint("backup:pruned", signal);
}

/** Tells of backups that a target had, and notes it; gives the targets that nothing may be put to until it is back. */
async function missTheVanished(
  holdings: readonly Holding[],
  run: Conduct,
  tools: Tools,
): Promise<Awaited<ReturnType<typeof unmountedTargets>>> {
  const { config, targets } = tools;
  const places = await knownPlaces(tools);
  const vanished = vanishedFrom(holdings, places, config.name);
  for (const one of vanished) run.warn(vanishedText(one));
  await updateState(config.state, { places: notedPlaces(holdings, places, config.name) });
  const unmounted = await unmountedTargets(vanished, places, config);
  const first = targets.every(({ name }) => unmounted.has(name)) ? unmounted.get(targets[0]?.name ?? "") : undefined;
  if (first) throw first;
  return unmounted;
}

/** The names of the backup that is to be made, for either kind it may come out as. */
function nextStems(holdings: readonly Holding[], name: string, takenAt: Date): Intent["stems"] {
  const stems = (those: readonly { readonly stem: string }[]) => those.map(({ stem }) => stem);
  const taken = {
    backups: stems(holdings.flatMap(({ backups }) => backups)),
    strays: stems(holdings.flatMap(({ broken, orphans }) => [...broken, ...orphans])),
  };
  const of = (kind: BackupKind) => nextStem({ name, kind, takenAt }, taken);
  return { full: of("full"), incr: of("incr") };
}

function tellChoices({ parent, findings }: Made, run: Conduct): void {
  if (parent !== null) run.say(`an incremental backup: base backups in it stand on full backup '${parent}'`);
  for (const { name, outcome, facts } of findings) {
    const because = facts["wholeBecause"];
    if (because !== undefined) run.say(`'${name}' is whole, as the server gave no increment: ${String(because)}`);
    if (facts["omitted"] !== undefined && outcome === "good")
      run.say(`'${name}' holds more, which nobody asked for: ${String(facts["omitted"])}`);
  }
}

/** Before anything is held: is there something to save, and room to seal it? */
async function surveyAndRequireRoom(run: Conduct, spool: Spool, tools: Tools, signal: AbortSignal): Promise<Surveyed> {
  const surveyed = await run.step("survey", async () => surveyAll(await spool.makeFolder("survey"), tools, signal));
  const { files, databaseBytes } = surveyed;
  await requireRoom(files.totals, databaseBytes, tools, signal);
  return surveyed;
}

/** What the next run and `health` need to know of this one. */
async function remember(
  { sealed, stem }: Made,
  { fields, bytes }: ComposedReceipt,
  shipped: readonly Target[],
  tools: Tools,
): Promise<void> {
  const { config } = tools;
  const before = await knownPlaces(tools);
  const places = Object.fromEntries(tools.targets.map(({ name }) => [name, before[name] ?? {}]));
  for (const { name } of shipped) {
    places[name] = { ...places[name], last: markOf(stem, fields), apart: await liesApart(name, config) };
  }
  await updateState(config.state, {
    places,
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
