import { LifeboatError } from "../../errors.ts";
import { chooseRows, lookAtTables, requireAbleServer, writeRows } from "../../sources/postgres-rows.ts";
import { DUMPS_FOLDER } from "../../sources/postgres/file-names.ts";
import { requireRunning } from "../../sources/postgres/in-container.ts";
import { lockWaitMs } from "../../sources/postgres/patience.ts";
import type { PostgresServer } from "../../sources/postgres/server.ts";
import type { TableOutcome } from "../../sources/rows.ts";
import { withDeadline } from "../../system/clock.ts";
import { failpoint } from "../../system/failpoint.ts";
import { acquireLock } from "../../system/lock.ts";
import { conduct } from "../conduct/conduct.ts";
import { dumpsIn, type RecordedDump } from "../catalogue/dumps.ts";
import { fetchOneFile } from "../catalogue/fetch-one-file.ts";
import { findBackup, type Found } from "../catalogue/find.ts";
import { refusePending } from "../in-place/pending.ts";
import { databasePath } from "./live-database.ts";
import type { RestoredRows, WantedRows } from "./restore-rows.ts";
import { newUndoFile, tellAltered } from "./rows-aftermath.ts";
import { dropLeftScratchDatabases, withScratchDatabase } from "./scratch-databases.ts";
import { openSpool } from "../conduct/spool.ts";
import type { Tools } from "../conduct/tools.ts";

/** True of what `ls` shows for a dump, however it is spelt: ".databases/db/app.pgdump". */
export function isDumpPath(path: string, sources: string): boolean {
  return databasePath(path, sources).startsWith(`${DUMPS_FOLDER}/`);
}

/**
 * Brings rows of a PostgreSQL database back into the live one, in one transaction. Its dump is loaded into a database of
 * its own on the same server, which is dropped as soon as the rows are out of it. All of it is rehearsed first, in a
 * transaction that is rolled back.
 */
export async function restorePostgresRows(
  wanted: WantedRows,
  tools: Tools,
  signal: AbortSignal,
): Promise<RestoredRows> {
  const { config, clock, log } = tools;
  let tables: readonly TableOutcome[] = [];
  let done: { readonly undoFile?: string } | undefined;
  const report = await conduct("restore-rows", tools, async (run) => {
    const path = databasePath(wanted.database, config.sources);
    using _lock = await acquireLock(config.state, "restore-rows", config.lockTimeoutMs, clock, signal);
    await refusePending(config.state);
    await dropLeftScratchDatabases(tools);
    const found = await run.step("find", () => findBackup(wanted, tools, run, signal));
    const { id } = found.backup.receipt;
    run.note({ backupId: id, ...(wanted.dryRun && { dryRun: true }) });
    const dumped = dumpOf(found, path);
    for (const flaw of dumped.flaws) run.warn(`the database in the backup is flawed: ${flaw}`);
    const server = await serverOf(dumped, tools, signal);
    const live = { server, database: wanted.into ?? dumped.database, lockWaitMs: lockWaitMs(config.postgresTimeoutMs) };
    const look = async () => {
      await requireAbleServer(live, dumped.recorded, signal);
      return await lookAtTables(live, wanted.wishes, wanted, signal);
    };
    const looked = await run.step("look", look);
    await using spool = await openSpool(config.state, clock);
    const dump = { path: Buffer.from(`backup/${path}`), sizeBytes: dumped.dumpBytes };
    const fetched = await run.step("fetch", () => fetchOneFile(found, dump, spool, tools, signal));
    const folder = await spool.makeFolder("chosen");
    const choose = async (database: string) => {
      await failpoint("restore-rows:scratch", signal);
      using deadline = deadlineOf(config.postgresTimeoutMs, signal);
      return await chooseRows({ ...live, database, path: fetched, folder }, looked, deadline);
    };
    const chosen = await run.step("choose", () =>
      withScratchDatabase(server, dumped.recorded, choose, run, tools, signal),
    );
    tables = await run.step("rehearse", async () => {
      using deadline = deadlineOf(config.postgresTimeoutMs, signal);
      return await writeRows({ ...live, chosen }, deadline);
    });
    if (wanted.dryRun || tables.every(({ added, different }) => added + different === 0)) return;
    if (!(await wanted.confirm(tables))) {
      run.say("nothing was written, as the answer was no");
      return;
    }
    await failpoint("restore-rows:rehearsed", signal);
    const undoFile = await newUndoFile(id, tools);
    const title = `Undoes what restore-rows wrote into database '${live.database}' of PostgreSQL server '${server.name}' from backup ${id}`;
    tables = await run.step("write", async () => {
      using deadline = deadlineOf(config.postgresTimeoutMs, signal);
      return await writeRows({ ...live, chosen, undo: { path: undoFile, title } }, deadline);
    });
    const isNeeded = tables.some(({ added, different }) => added + different > 0);
    // Somebody else may have brought them back since the rehearsal.
    done = isNeeded ? { undoFile } : {};
    log.info("rows restored", { server: server.name, database: live.database, ...done });
    tellAltered(tables, run);
  });
  return { report, tables, written: done !== undefined, ...done };
}

function deadlineOf(timeoutMs: number, signal: AbortSignal) {
  const tooLate = () =>
    new LifeboatError("failed", `the rows could not be restored within ${timeoutMs / 1000} s`, {
      hint: "Nothing was written. Raise BACKUP_POSTGRES_TIMEOUT.",
    });
  return withDeadline(timeoutMs, tooLate, signal);
}

/** What the receipt has about the database of a dump. Throws "not-found" if there is none of that path. */
function dumpOf({ backup: { receipt } }: Found, path: string): RecordedDump {
  const dumps = dumpsIn(receipt);
  const dump = dumps.find((one) => one.path === path);
  if (dump) return dump;
  const paths = dumps.map((one) => `'${one.path}'`).join(", ");
  throw new LifeboatError("not-found", `there is no dump '${path}' in backup ${receipt.id}`, {
    hint: paths === "" ? "It has no dump of PostgreSQL at all." : `It has: ${paths}.`,
  });
}

async function serverOf({ server: name }: RecordedDump, tools: Tools, signal: AbortSignal): Promise<PostgresServer> {
  const servers = await tools.findPostgres(signal);
  const server = servers.find((one) => one.name === name);
  if (server) {
    requireRunning(server);
    return server;
  }
  const names = servers.map((one) => `'${one.name}'`).join(", ");
  throw new LifeboatError("not-found", `there is no PostgreSQL server '${name}' to write to`, {
    hint:
      names === ""
        ? "Name it in BACKUP_POSTGRES, or label its container lifeboat.postgres=true."
        : `Those of the settings and labels are ${names}.`,
  });
}
