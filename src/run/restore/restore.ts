import { dirname, join } from "node:path";
import { extract } from "../../archive/extract.ts";
import type { Receipt } from "../../archive/receipt.ts";
import type { RunReport } from "../../report/outcome.ts";
import { bytesOf, type ByteString } from "../../sources/names.ts";
import { failpoint } from "../../system/failpoint.ts";
import { syncFolder } from "../../system/files.ts";
import { acquireLock } from "../../system/lock.ts";
import { combineIncrements, loneParts, planCombination, type Combination } from "./combine.ts";
import { conduct, type Conduct } from "../conduct/conduct.ts";
import { removeLeftFiles } from "../conduct/left-files.ts";
import { fetchBackup, type Fetched } from "../catalogue/fetch.ts";
import { findBackup, type Wanted } from "../catalogue/find.ts";
import { pendingInPlace } from "../in-place/pending.ts";
import { requireDestination, requireOwners } from "./destination.ts";
import { openQuarantine, publish } from "./publish.ts";
import { openSpool, requireSpace } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";

/**
 * Restores a backup into a folder that does not exist yet or is empty. Nothing appears there before every byte has
 * passed its checks: the receipt its authentication, the sealed files their digests, each file its SHA-256.
 */
export async function restoreTo(
  wanted: Wanted & { readonly to: string; readonly only?: readonly ByteString[]; readonly keepLabels: boolean },
  tools: Tools,
  signal: AbortSignal,
): Promise<RunReport> {
  const { config, clock, log } = tools;
  return await conduct("restore", tools, async (run) => {
    const to = await requireDestination(wanted.to, config);
    using _lock = await acquireLock(config.state, "restore", config.lockTimeoutMs, clock, signal);
    // Not ended here: a folder may be all that can be restored to while the other cannot go on.
    const pending = await pendingInPlace(config.state);
    if (pending) run.warn(pending.sentence);
    const found = await run.step("find", () => findBackup(wanted, tools, run, signal));
    const { receipt } = found.backup;
    run.note({ backupId: receipt.id });
    await removeLeftFiles(tools);
    await using spool = await openSpool(config.state, clock);
    await requireOwners(found, wanted.only, spool, tools, signal);
    for (const folder of loneParts(receipt, wanted.only)) {
      run.warn(
        `only parts of the increment in '${folder}' are restored, and as they are: its README.txt says what they need`,
      );
    }
    const combination = await planCombination(found, wanted.only, tools, signal);
    const sealed = combination ? [receipt, combination.full.receipt] : [receipt];
    const sealedBytes = sealed.reduce((sum, { archive, index }) => sum + archive.sizeBytes + index.sizeBytes, 0);
    await requireSpace(config.state, sealedBytes, "to fetch the backup");
    const fetched = await run.step("fetch", () => fetchBackup(found, spool, tools, signal));
    const below = combination && {
      ...combination,
      fetched: await run.step("fetch", () => fetchBackup({ ...found, backup: combination.full }, spool, tools, signal)),
    };
    await failpoint("restore:fetched", signal);
    const only = wanted.only?.map((path) => bytesOf(`backup/${path}`));
    const { keepLabels } = wanted;
    const parts = { ...fetched, keepLabels, ...(only && { only }), ...(below && { below }) };
    await run.step("extract", () => extractAndPublish(to, parts, receipt, run, tools, signal));
    log.info("backup restored", { id: receipt.id, from: found.target.name, to });
  });
}

interface Parts extends Fetched {
  readonly only?: readonly Buffer[];
  readonly keepLabels: boolean;
  /** What increments among them stand on. */
  readonly below?: Combination & { readonly fetched: Fetched };
}

/** Extracts into a quarantine on the file system of `to`, and only then lets it appear there. */
async function extractAndPublish(
  to: string,
  parts: Parts,
  receipt: Receipt,
  run: Conduct,
  tools: Tools,
  signal: AbortSignal,
): Promise<void> {
  await using quarantine = await openQuarantine(to, tools.config.state);
  await extractInto(quarantine.folder, parts, receipt, run, tools, signal);
  await failpoint("restore:extracted", signal);
  await publish(join(quarantine.folder, "backup"), to);
  await syncFolder(dirname(to));
}

async function extractInto(
  into: string,
  { below, ...fetched }: Parts,
  { id, archive: { contentBytes, tarBytes } }: Receipt,
  run: Conduct,
  tools: Tools,
  signal: AbortSignal,
): Promise<void> {
  const { keys, progress } = tools;
  // Holes take no room, and are not in the tar stream.
  const neededBytes = Math.min(contentBytes, tarBytes) + (below?.extraBytes ?? 0);
  await requireSpace(dirname(into), neededBytes, "to restore the files", "restore to another volume");
  using bar = progress.start("restore", contentBytes);
  const onProgress = (bytes: number) => bar.at(bytes);
  const { warnings, damaged } = await extract(
    { ...fetched, id, contentBytes, tarBytes, keys, into, onProgress },
    signal,
  );
  for (const warning of warnings) run.warn(warning);
  if (damaged.sentence !== undefined) run.warn(damaged.sentence);
  if (below) await run.step("combine", () => combineIncrements(into, below, below.fetched, tools, signal));
}
