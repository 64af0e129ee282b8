import { describeError, LifeboatError } from "../../../errors.ts";
import { contentsOf, missingFrom } from "../../../sources/postgres/contents.ts";
import { sqlForRoles } from "../../../sources/postgres/globals.ts";
import { createDatabaseLike, loadDump, vantagePoint } from "../../../sources/postgres/load.ts";
import { databaseProperties, subscriptionsIn } from "../../../sources/postgres/properties.ts";
import { runSql } from "../../../sources/postgres/sql.ts";
import { withDeadline } from "../../../system/clock.ts";
import { failpoint } from "../../../system/failpoint.ts";
import type { Conduct } from "../../conduct/conduct.ts";
import type { Tools } from "../../conduct/tools.ts";
import type { Prepared, ReadyDatabase } from "./prepare.ts";
import type { DatabaseSwap } from "./swap-schema.ts";

/**
 * Makes the roles that are missing, and each database beside the live one: empty and like the recorded one, its dump
 * loaded, its settings and privileges given, its rows counted. Rejects at the first that is not whole; what was made
 * then is in the journal, and the caller takes it away.
 */
export async function stageDatabases(
  { databases, missingRoles }: Prepared,
  swaps: readonly DatabaseSwap[],
  run: Conduct,
  tools: Tools,
  signal: AbortSignal,
): Promise<void> {
  for (const { on, roles, globals } of missingRoles) {
    const from = await vantagePoint(on, [], signal);
    await runSql(on, from, { what: "make the missing roles", sql: sqlForRoles(globals, roles) }, signal);
    await failpoint("in-place:roles-made", signal);
  }
  for (const [at, one] of databases.entries()) {
    const { fresh } = swaps[at]!;
    const late = () => new LifeboatError("failed", `'${one.name}' was not loaded within ${LOAD_MS / 3_600_000} hours`);
    using deadline = withDeadline(LOAD_MS, late, signal);
    await run.step("load", () => stageOne(one, fresh, run, tools, deadline));
    await failpoint("in-place:database-staged", signal);
  }
}

/** For one database. Longer than anyone would wait for a dump. */
const LOAD_MS = 24 * 60 * 60 * 1000;

async function stageOne(
  { on, name, recorded, dump, dumpBytes, server }: ReadyDatabase,
  fresh: string,
  run: Conduct,
  { progress }: Tools,
  signal: AbortSignal,
): Promise<void> {
  const from = await vantagePoint(on, [name, fresh], signal);
  await createDatabaseLike(on, { name: fresh, like: recorded, owner: recorded.owner, from }, signal);
  await failpoint("in-place:database-made", signal);
  {
    using bar = progress.start(`load ${server}/${name}`, dumpBytes);
    const onProgress = (bytes: number) => bar.at(bytes);
    // One that is made again would stand in the way of dropping the database, and copy what nobody chose.
    await loadDump(on, { database: fresh, path: dump.path, args: ["--no-subscriptions"], onProgress }, signal);
  }
  for (const subscription of await subscriptionsIn(dump, signal)) {
    run.warn(`subscription ${subscription} of '${server}/${name}' is left out: make it anew where it is wanted`);
  }
  const contents = await contentsOf(dump, signal);
  const missing = await missingFrom(on, fresh, contents, signal);
  if (missing.length > 0) {
    const [first] = missing;
    throw new LifeboatError("verification-failed", `database '${server}/${name}' is not whole once loaded: ${first}`, {
      hint: `${missing.length} such differences. Nothing was replaced.`,
    });
  }
  if (contents.rows.size === 0 && recorded.tableCount > 0) {
    run.warn(`the dump of '${server}/${name}' has no table, where the receipt tells of ${recorded.tableCount}`);
  }
  const properties = await databaseProperties(dump, fresh, signal);
  if (properties) await runSql(on, from, { what: `give '${fresh}' its settings`, sql: properties }, signal);
  try {
    // Without statistics the first queries of the stack would be slow ones.
    await runSql(on, fresh, { what: `analyze '${fresh}'`, sql: "ANALYZE;" }, signal);
  } catch (error) {
    signal.throwIfAborted();
    run.warn(`queries of '${server}/${name}' may be slow at first: ${describeError(error)}`);
  }
}
