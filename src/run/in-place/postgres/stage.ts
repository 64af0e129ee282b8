import { describeError, LifeboatError } from "../../../errors.ts";
import { contentsOf, missingFrom, missingRows } from "../../../sources/postgres/contents.ts";
import type { DumpFile } from "../../../sources/postgres/dump-file.ts";
import { sqlForRoles } from "../../../sources/postgres/globals.ts";
import { loadDump, vantagePoint } from "../../../sources/postgres/load.ts";
import { databaseProperties } from "../../../sources/postgres/properties.ts";
import type { PostgresServer } from "../../../sources/postgres/server.ts";
import { runSql } from "../../../sources/postgres/sql.ts";
import { withDeadline } from "../../../system/clock.ts";
import { failpoint } from "../../../system/failpoint.ts";
import type { Conduct } from "../../conduct/conduct.ts";
import type { Tools } from "../../conduct/tools.ts";
import { loadBeside, planLoad } from "./load-beside.ts";
import type { Prepared, ReadyDatabase } from "./prepare.ts";
import type { DatabaseSwap } from "./swap-schema.ts";

/**
 * Makes the roles that are missing, and each database beside the live one: empty and like the recorded one, its dump
 * loaded, its settings and privileges given, its rows counted. Rejects at the first that is not whole; what was made
 * then is in the journal, and the caller takes it away. Gives what is left to be loaded once they have their names.
 */
export async function stageDatabases(
  { databases, missingRoles }: Prepared,
  swaps: readonly DatabaseSwap[],
  run: Conduct,
  tools: Tools,
  signal: AbortSignal,
): Promise<readonly LateLoad[]> {
  for (const { on, roles, globals } of missingRoles) {
    const from = await vantagePoint(on, [], signal);
    await runSql(on, from, { what: "make the missing roles", sql: sqlForRoles(globals, roles) }, signal);
    await failpoint("in-place:roles-made", signal);
  }
  const left: LateLoad[] = [];
  for (const [at, one] of databases.entries()) {
    const { fresh } = swaps[at]!;
    const late = () => new LifeboatError("failed", `'${one.name}' was not loaded within ${LOAD_MS / 3_600_000} hours`);
    using deadline = withDeadline(LOAD_MS, late, signal);
    left.push(...(await run.step("load", () => stageOne(one, fresh, run, tools, deadline))));
    await failpoint("in-place:database-staged", signal);
  }
  return left;
}

/** For one database. Longer than anyone would wait for a dump. */
const LOAD_MS = 24 * 60 * 60 * 1000;

/** Gives what is left to be loaded. */
async function stageOne(
  one: ReadyDatabase,
  fresh: string,
  run: Conduct,
  { progress, clock, log }: Tools,
  signal: AbortSignal,
): Promise<readonly LateLoad[]> {
  const { on, name, recorded, dump, dumpBytes, server } = one;
  const from = await vantagePoint(on, [name, fresh], signal);
  const plan = await planLoad(one, from, signal);
  const { quiet, list, lateList } = plan;
  {
    using bar = progress.start(`load ${server}/${name}`, dumpBytes);
    await loadBeside(one, { fresh, from }, plan, (bytes) => bar.at(bytes), { clock, log }, signal);
  }
  for (const subscription of plan.subscriptions) {
    run.warn(`subscription ${subscription} of '${server}/${name}' is left out: make it anew where it is wanted`);
  }
  const contents = await contentsOf(dump, signal, list);
  requireNone(await missingFrom(quiet, fresh, contents, signal), one);
  if (contents.rows.size === 0 && recorded.tableCount > 0) {
    run.warn(`the dump of '${server}/${name}' has no table, where the receipt tells of ${recorded.tableCount}`);
  }
  const properties = await databaseProperties(dump, fresh, signal);
  if (properties) await runSql(on, from, { what: `give '${fresh}' its settings`, sql: properties }, signal);
  try {
    // Without statistics the first queries of the stack would be slow ones.
    await runSql(quiet, fresh, { what: `analyze '${fresh}'`, sql: "ANALYZE;" }, signal);
  } catch (error) {
    signal.throwIfAborted();
    run.warn(`queries of '${server}/${name}' may be slow at first: ${describeError(error)}`);
  }
  return lateList === undefined ? [] : [{ on: quiet, name, server, dump, list: lateList }];
}

function requireNone(missing: readonly string[], { server, name }: { readonly server: string; readonly name: string }) {
  const [first] = missing;
  if (first === undefined) return;
  throw new LifeboatError("verification-failed", `database '${server}/${name}' is not whole once loaded: ${first}`, {
    hint: `${missing.length} such differences. Nothing was replaced.`,
  });
}

/** Part of a dump that a database can take only under its own name. */
export interface LateLoad {
  readonly on: PostgresServer;
  readonly name: string;
  readonly server: string;
  readonly dump: DumpFile;
  readonly list: string;
}

/** Loads what was left, into the databases that have their names now. Rejects at the first that is not whole. */
export async function loadTheRest(left: readonly LateLoad[], signal: AbortSignal): Promise<void> {
  const late = () => new LifeboatError("failed", `an extension was not loaded within ${LATE_MS / 60_000} minutes`);
  using deadline = withDeadline(LATE_MS, late, signal);
  for (const { on, name, server, dump, list } of left) {
    await loadDump(on, { database: name, path: dump.path, list }, deadline);
    const { rows } = await contentsOf(dump, deadline, list);
    requireNone(await missingRows(on, name, rows, deadline), { server, name });
  }
}

/** What an extension has of its own is little; containers are held meanwhile. */
const LATE_MS = 10 * 60 * 1000;
