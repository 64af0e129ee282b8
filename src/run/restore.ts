import { rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { extract } from "../archive/extract.ts";
import type { Receipt } from "../archive/receipt.ts";
import type { RunReport } from "../report/outcome.ts";
import { failpoint } from "../system/failpoint.ts";
import { syncFolder } from "../system/files.ts";
import { acquireLock } from "../system/lock.ts";
import { conduct, type Conduct } from "./conduct.ts";
import { fetchBackup, type Fetched } from "./fetch.ts";
import { findBackup, type Wanted } from "./find.ts";
import { pendingInPlace } from "./in-place/pending.ts";
import { makeQuarantine, publish, requireEmpty } from "./publish.ts";
import { openSpool, requireSpace } from "./spool.ts";
import type { Tools } from "./tools.ts";

/**
 * Restores a backup into a folder that does not exist yet or is empty. Nothing appears there before every byte has
 * passed its checks: the receipt its authentication, the sealed files their digests, each file its SHA-256.
 */
export async function restoreTo(
  wanted: Wanted & { readonly to: string; readonly only?: readonly string[] },
  tools: Tools,
  signal: AbortSignal,
): Promise<RunReport> {
  const { config, clock, log } = tools;
  return await conduct("restore", tools, async (run) => {
    const to = resolve(wanted.to);
    await requireEmpty(to);
    using _lock = await acquireLock(config.state, "restore", config.lockTimeoutMs, clock, signal);
    // Not ended here: a folder may be all that can be restored to while the other cannot go on.
    const pending = await pendingInPlace(config.state);
    if (pending) run.warn(pending.sentence);
    const found = await run.step("find", () => findBackup(wanted, tools, signal));
    const { receipt } = found.backup;
    run.note({ backupId: receipt.id });
    await using spool = await openSpool(config.state, clock);
    await requireSpace(config.state, receipt.archive.sizeBytes + receipt.index.sizeBytes, "to fetch the backup");
    const fetched = await run.step("fetch", () => fetchBackup(found, spool, tools, signal));
    await failpoint("restore:fetched", signal);
    const only = wanted.only?.map((path) => Buffer.from(`backup/${path}`));
    await run.step("extract", () =>
      extractAndPublish(to, { ...fetched, ...(only && { only }) }, receipt, run, tools, signal),
    );
    log.info("backup restored", { id: receipt.id, from: found.target.name, to });
  });
}

/** Extracts into a quarantine on the file system of `to`, and only then lets it appear there. */
async function extractAndPublish(
  to: string,
  fetched: Fetched & { readonly only?: readonly Buffer[] },
  { id, archive: { contentBytes } }: Receipt,
  run: Conduct,
  { keys, progress }: Tools,
  signal: AbortSignal,
): Promise<void> {
  const quarantine = await makeQuarantine(to);
  try {
    await requireSpace(quarantine, contentBytes, "to restore the files");
    using bar = progress.start("restore", contentBytes);
    const onProgress = (bytes: number) => bar.at(bytes);
    const { warnings } = await extract({ ...fetched, id, contentBytes, keys, into: quarantine, onProgress }, signal);
    for (const warning of warnings.first) run.warn(warning);
    await failpoint("restore:extracted", signal);
    await publish(join(quarantine, "backup"), to);
  } finally {
    await rm(quarantine, { recursive: true, force: true });
  }
  await syncFolder(dirname(to));
}
