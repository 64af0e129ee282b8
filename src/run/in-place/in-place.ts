import { randomBytes } from "node:crypto";
import { openSelected, verifyArchive } from "../../archive/extract.ts";
import type { Expectation } from "../../archive/index-comparison.ts";
import { readIndex } from "../../archive/index-file.ts";
import type { Receipt } from "../../archive/receipt.ts";
import { describeError, Interrupted, LifeboatError } from "../../errors.ts";
import type { RunReport } from "../../report/outcome.ts";
import type { ByteString } from "../../sources/names.ts";
import { failpoint } from "../../system/failpoint.ts";
import { acquireLock } from "../../system/lock.ts";
import type { ReleaseFailure } from "../../quiesce/quiescer.ts";
import { conduct, type Conduct } from "../conduct/conduct.ts";
import { fetchBackup, type Fetched } from "../catalogue/fetch.ts";
import { findBackup, type Found, type Wanted } from "../catalogue/find.ts";
import { openSpool, requireSpace, type Spool } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";
import type { Staged } from "./file-work.ts";
import { layOut, type Layout } from "./layout.ts";
import { makeJob, ownFolders } from "./make-job.ts";
import { describePlan, type InPlacePlan } from "./plan.ts";
import { findPlaces } from "./places.ts";
import { chooseDatabases, type Chosen } from "./postgres/choose.ts";
import { prepareDatabases, type Prepared } from "./postgres/prepare.ts";
import { stageDatabases, type LateLoad } from "./postgres/stage.ts";
import { nameBeside, type DatabaseSwap } from "./postgres/swap-schema.ts";
import { tidyServers } from "./postgres/work.ts";
import { chooseWorker } from "./worker.ts";
import { progressOf, type Progress } from "./progress.ts";
import { replace } from "./replace.ts";

export interface InPlaceRequest extends Wanted {
  /** Paths relative to the sources; undefined for all. */
  readonly only?: readonly ByteString[];
  readonly keepOld: boolean;
  /** Is shown the plan before anything is held; with false nothing is done. */
  readonly confirm: (plan: InPlacePlan) => Promise<boolean>;
  /** Ends what a dead run left, under this run's lock; resolves with the containers that did not come back. */
  readonly recover: (tools: Tools) => Promise<readonly ReleaseFailure[]>;
}

/**
 * Puts a backup where its data lives, and the stack back on it. Nothing is held before every byte has passed its
 * checks; the old data is kept until the stack is well on the new, and put back if it is not. A run that dies is ended
 * by the next start, in all-new or all-old.
 */
export async function restoreInPlace(request: InPlaceRequest, tools: Tools, signal: AbortSignal): Promise<RunReport> {
  return await withBackup(request, tools, signal, async (run, found, fetched, layout, spool, touching) => {
    const runId = randomBytes(4).toString("hex");
    const job = await makeJob(runId, layout, tools);
    const worker = await chooseWorker(job, layout, tools, signal);
    await requireRoom(layout, found.backup.receipt);
    const prepared = await prepareDatabases(chosen(request, found, layout), { found, fetched, spool }, tools, signal);
    const swaps = swapsOf(prepared, runId);
    const about = { found, layout, prepared, swaps, by: worker.kind, keepOld: request.keepOld };
    // What is in the way now need not be found out after hours of staging.
    await describePlan(about, tools, signal);
    const progress = await progressOf(
      {
        version: 1,
        backupId: found.backup.receipt.id,
        job,
        byHelper: worker.kind === "helper",
        keepOld: request.keepOld,
        databases: [...swaps],
        roles: prepared.missingRoles.map(({ on, roles }) => ({ server: on.name, roles: [...roles] })),
      },
      worker.open,
      (journal, kept) => tidyServers(journal, kept, tools),
    );
    await using _progress = progress;
    let late: readonly LateLoad[];
    try {
      await stageAll(progress, found, fetched, layout, run, tools, signal);
      late = await stageDatabases(prepared, swaps, run, tools, signal);
      const plan = await describePlan(about, tools, signal);
      for (const warning of plan.warnings) run.warn(warning);
      if (!(await request.confirm(plan))) throw new AnsweredNo();
    } catch (error) {
      await progress.abandon().catch((left: unknown) => {
        run.warn(`what was staged cannot be removed yet: ${describeError(left)}; the next run tries again`);
      });
      throw error;
    }
    touching();
    await replace(progress, late, run, tools, signal);
    tools.log.info("backup restored in place", { id: found.backup.receipt.id, from: found.target.name });
    if (request.keepOld) {
      for (const folder of progress.workFolders()) tools.log.info("old data kept", { folder: `${folder}/old` });
      for (const { server, old } of keptDatabases(progress)) {
        tools.log.info("old database kept; it lets nobody in", { server, database: old });
      }
    }
  });
}

/** What `restoreInPlace` would do; every byte is fetched and checked, and nothing is written beside the data. */
export async function planInPlace(request: InPlaceRequest, tools: Tools, signal: AbortSignal): Promise<RunReport> {
  return await withBackup(request, tools, signal, async (run, found, fetched, layout, spool) => {
    run.note({ dryRun: true });
    const job = await makeJob(NO_RUN, layout, tools);
    const worker = await chooseWorker(job, layout, tools, signal);
    await requireRoom(layout, found.backup.receipt);
    const prepared = await prepareDatabases(chosen(request, found, layout), { found, fetched, spool }, tools, signal);
    const { id, archive } = found.backup.receipt;
    await run.step("check", () => verifyArchive({ ...fetched, id, ...promised(archive), keys: tools.keys }, signal));
    const about = { found, layout, prepared, swaps: [], by: worker.kind, keepOld: request.keepOld };
    await request.confirm(await describePlan(about, tools, signal));
  });
}

/** Stands for the id of a run that does nothing. */
const NO_RUN = "00000000";

function chosen({ only }: InPlaceRequest, { backup }: Found, layout: Layout): Chosen {
  return chooseDatabases(layout, backup.receipt, only !== undefined);
}

function swapsOf({ databases }: Prepared, runId: string): readonly DatabaseSwap[] {
  return databases.map(({ server, name }, at) => ({
    server,
    name,
    fresh: nameBeside(name, "new", runId, at),
    old: nameBeside(name, "old", runId, at),
    ids: null,
  }));
}

function keptDatabases({ journal }: Progress): readonly DatabaseSwap[] {
  return journal.databases.filter(({ ids }) => ids !== null && ids.oldId !== null);
}

/** No failure: it is what was asked for. */
class AnsweredNo extends Error {}

/** Fetches and lays out; `work` says by `touching` that from now on the stack and its data are touched. */
export async function withBackup(
  request: InPlaceRequest,
  tools: Tools,
  signal: AbortSignal,
  work: (
    run: Conduct,
    found: Found,
    fetched: Fetched,
    layout: Layout,
    spool: Spool,
    touching: () => void,
  ) => Promise<void>,
): Promise<RunReport> {
  const { config, clock, keys } = tools;
  let isTouching = false;
  const recipe = async (run: Conduct) => {
    using _lock = await acquireLock(config.state, "restore", config.lockTimeoutMs, clock, signal);
    for (const { container, error } of await request.recover(tools)) run.leftDown(container, error);
    const found = await run.step("find", () => findBackup(request, tools, run, signal));
    const { receipt } = found.backup;
    run.note({ backupId: receipt.id });
    const places = await findPlaces(config.sources, await ownFolders(tools));
    await using spool = await openSpool(config.state, clock);
    await requireSpace(config.state, receipt.archive.sizeBytes + receipt.index.sizeBytes, "to fetch the backup");
    const fetched = await run.step("fetch", () => fetchBackup(found, spool, tools, signal));
    await failpoint("in-place:fetched", signal);
    const layout = await layOut(readIndex(fetched.indexPath, keys, signal), places, request.only);
    await work(run, found, fetched, layout, spool, () => (isTouching = true));
  };
  return await conduct("restore", tools, async (run) => {
    try {
      await recipe(run);
    } catch (error) {
      if (error instanceof AnsweredNo) run.say("nothing was touched, as the answer was no");
      else if (isInterrupted(error, signal) && !isTouching) {
        run.say("nothing was touched");
        throw signal.aborted ? signal.reason : error;
      } else throw error;
    }
  });
}

/** By a signal, or by Ctrl-C on the terminal where it was asked. */
function isInterrupted(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted || error instanceof Interrupted;
}

/** What the receipt says of the archive, beyond which nothing is read. */
function promised({ contentBytes, tarBytes }: Receipt["archive"]): Expectation {
  return { contentBytes, tarBytes };
}

/** Room for the new data beside the old, before any of it is written. Places on one file system share its room. */
export async function requireRoom({ shares }: Layout, { archive }: Receipt): Promise<void> {
  const needed = new Map<number, { folder: string; bytes: number }>();
  for (const { place, stagedBytes } of shares) {
    const before = needed.get(place.device)?.bytes ?? 0;
    needed.set(place.device, { folder: place.folder, bytes: before + Math.min(stagedBytes, archive.tarBytes) });
  }
  for (const { folder, bytes } of needed.values())
    await requireSpace(folder, bytes, "to put the new data beside the old", "restore to a folder elsewhere (--to)");
}

export async function stageAll(
  progress: Progress,
  found: Found,
  fetched: Fetched,
  { shares }: Layout,
  run: Conduct,
  { config, keys, progress: bars }: Tools,
  signal: AbortSignal,
): Promise<void> {
  const { id, archive, sources } = found.backup.receipt;
  const flawed = sources.filter(({ outcome }) => outcome === "flawed");
  const knownFlawed = new Set(flawed.flatMap(({ name, facts }) => [name, ...otherNames(facts)]));
  for (const [at, { place, only }] of shares.entries()) {
    const members = (only ?? [""]).map((path) => {
      const whole = [place.path, path].map((part, which) => Buffer.from(part, which === 0 ? "utf8" : "latin1"));
      return Buffer.concat([...joined([Buffer.from("backup"), ...whole])]);
    });
    using bar = bars.start(`stage ${place.path === "" ? "the sources" : place.path}`, archive.contentBytes);
    const { warnings, flaws } = await run.step("stage", async () => {
      const request = { ...fetched, id, ...promised(archive), keys, only: members };
      const tar = await openSelected({ ...request, onProgress: (bytes) => bar.at(bytes) }, signal);
      return await progress.work((work) => work.stage(at, tar, config.sqliteTimeoutMs, signal));
    });
    for (const warning of warnings) run.warn(warning);
    judge(flaws, knownFlawed, run);
    await failpoint("in-place:staged", signal);
  }
}

/** What was broken when it was saved may be all there is; what broke since must not replace anything. */
function judge(flaws: Staged["flaws"], knownFlawed: ReadonlySet<string>, run: Conduct): void {
  for (const { database, problem, kind } of flaws) {
    const notChecked = `database '${database}' could not be checked: ${problem}`;
    if (knownFlawed.has(database)) {
      run.warn(kind === "unknown" ? notChecked : `'${database}' was damaged when it was saved, and is: ${problem}`);
    } else if (kind === "unknown") {
      throw new LifeboatError("failed", notChecked, { hint: LONGER });
    } else {
      throw new LifeboatError("verification-failed", `database '${database}' is not whole: ${problem}`, {
        hint: OTHER,
      });
    }
  }
}

/** A database with several names is one source, and any of them may be met first. */
function otherNames({ otherNames }: Receipt["sources"][number]["facts"]): readonly string[] {
  return Array.isArray(otherNames) ? otherNames.map(String) : [];
}

const OTHER = "Restore another backup, or leave this database out with --only. Nothing was touched.";
const LONGER = "If it is large, raise BACKUP_SQLITE_TIMEOUT. Nothing was touched.";

function joined(parts: readonly Buffer[]): readonly Buffer[] {
  const slash = Buffer.from("/");
  return parts.filter((part) => part.length > 0).flatMap((part, at) => (at === 0 ? [part] : [slash, part]));
}
