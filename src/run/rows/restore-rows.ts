import { dirname, join, resolve } from "node:path";
import type { RunReport } from "../../report/outcome.ts";
import { byteStringOf, printable } from "../../sources/names.ts";
import { sqliteSource } from "../../sources/sqlite.ts";
import { restoreRows as runJob, type RowWish, type TableOutcome } from "../../sources/sqlite-rows.ts";
import { failpoint } from "../../system/failpoint.ts";
import { acquireLock } from "../../system/lock.ts";
import { conduct, type Conduct } from "../conduct/conduct.ts";
import { fetchOneFile } from "../catalogue/fetch-one-file.ts";
import { findBackup, type Found, type Wanted } from "../catalogue/find.ts";
import { refusePending } from "../in-place/pending.ts";
import {
  copyIn,
  databasePath,
  describeDatabase,
  requireDatabase,
  requireWritable,
  strangeSideFiles,
} from "./live-database.ts";
import { newUndoFile, tellAltered } from "./rows-aftermath.ts";
import { openSpool, requireSpace, type Spool } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";

export type { RowWish, ShownRow, TableOutcome } from "../../sources/sqlite-rows.ts";

export interface WantedRows extends Wanted {
  /** Relative to the sources. */
  readonly database: string;
  /** Another database to write to than the live one of that path. */
  readonly into?: string;
  readonly wishes: readonly RowWish[];
  readonly dryRun: boolean;
  readonly fireTriggers: boolean;
  /** Asked once the rehearsal has gone well: shall the rows be written? */
  readonly confirm: (rehearsed: readonly TableOutcome[]) => Promise<boolean>;
}

export interface RestoredRows {
  readonly report: RunReport;
  /** What was found, and written if `written`. */
  readonly tables: readonly TableOutcome[];
  readonly written: boolean;
  /** SQL that brings back what was overwritten. */
  readonly undoFile?: string;
}

/**
 * Brings rows of a SQLite database back into the live one, in one transaction. First all of it is rehearsed on a copy
 * of the live database, so that whatever cannot be done is known before anything is touched.
 */
export async function restoreRows(wanted: WantedRows, tools: Tools, signal: AbortSignal): Promise<RestoredRows> {
  const { config, clock, log } = tools;
  let tables: readonly TableOutcome[] = [];
  let done: { readonly undoFile?: string } | undefined;
  const report = await conduct("restore-rows", tools, async (run) => {
    const below = databasePath(wanted.database, config.sources);
    using _lock = await acquireLock(config.state, "restore-rows", config.lockTimeoutMs, clock, signal);
    await refusePending(config.state);
    const live = await requireDatabase(wanted.into === undefined ? join(config.sources, below) : resolve(wanted.into));
    if (wanted.dryRun) run.note({ dryRun: true });
    else await requireWritable(live);
    const found = await run.step("find", () => findBackup(wanted, tools, run, signal));
    const { id } = found.backup.receipt;
    run.note({ backupId: id });
    tellFlaws(found, below, run);
    await using spool = await openSpool(config.state, clock);
    const backup = await run.step("fetch", () => fetchDatabase(found, below, spool, tools, signal));
    const common = { backup, wishes: wanted.wishes, fireTriggers: wanted.fireTriggers };
    const rehearse = async () => {
      const copy = await copyLive(live, spool, tools, signal);
      const folder = await spool.makeFolder("rehearsal");
      const job = { ...common, database: copy, folder, mode: "rehearse" as const };
      return await runJob(job, config.sqliteTimeoutMs, signal);
    };
    tables = await run.step("rehearse", rehearse);
    if (wanted.dryRun || tables.every(({ added, different }) => added + different === 0)) return;
    if (!(await wanted.confirm(tables))) {
      run.say("nothing was written, as the answer was no");
      return;
    }
    await failpoint("restore-rows:rehearsed", signal);
    const undoFile = await newUndoFile(id, tools);
    const undoTitle = `Undoes what restore-rows wrote into '${live}' from backup ${id}`;
    const folder = await spool.makeFolder("write");
    const job = { ...common, database: live, folder, mode: "write" as const, undoFile, undoTitle };
    const written = await run.step("write", () => runJob(job, config.sqliteTimeoutMs, signal));
    tables = written.map((table, at) => ({ ...table, onlyLive: tables[at]?.onlyLive ?? 0 }));
    done = { undoFile };
    log.info("rows restored", { database: live, undo: undoFile });
    await tellAftermath(live, tables, run);
  });
  return { report, tables, written: done !== undefined, ...done };
}

/** The database of the backup, alone and private; every byte of the backup has passed its checks. */
async function fetchDatabase(
  found: Found,
  below: string,
  spool: Spool,
  tools: Tools,
  signal: AbortSignal,
): Promise<string> {
  const path = Buffer.from(`backup/${below}`);
  return await requireDatabase(await fetchOneFile(found, { path, sizeBytes: 0 }, spool, tools, signal));
}

async function copyLive(live: string, spool: Spool, { config }: Tools, signal: AbortSignal): Promise<string> {
  const found = await describeDatabase(live);
  const folder = await spool.makeFolder("live");
  await requireSpace(folder, found.sizeBytes, "to rehearse on a copy of the database");
  const source = sqliteSource(found, { root: dirname(live), timeoutMs: config.sqliteTimeoutMs });
  const { members } = await source.snapshot({ folder }, signal);
  return copyIn(members[0]?.root ?? folder, live);
}

function tellFlaws(found: Found, below: string, run: Conduct): void {
  const source = found.backup.receipt.sources.find(
    ({ kind, name }) => kind === "sqlite" && name === printable(byteStringOf(below)),
  );
  for (const flaw of source?.flaws ?? []) run.warn(`the database in the backup is flawed: ${flaw}`);
}

async function tellAftermath(live: string, tables: readonly TableOutcome[], run: Conduct): Promise<void> {
  tellAltered(tables, run);
  const strange = await strangeSideFiles(live);
  if (strange.length === 0) return;
  run.warn(`'${strange.join("', '")}' belongs to another user than the database, whose application may be locked out`, {
    hint: "Give it to the database's owner (chown), or restart the application so that SQLite makes it anew.",
  });
}
