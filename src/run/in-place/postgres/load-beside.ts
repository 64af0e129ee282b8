import { writeFile } from "node:fs/promises";
import { LifeboatError, describeError } from "../../../errors.ts";
import { boundToName, settingsToLoad, sqlAfterLoad } from "../../../sources/postgres/extensions.ts";
import { createDatabaseLike, dropDatabase, loadDump, type Load } from "../../../sources/postgres/load.ts";
import { databaseProperties } from "../../../sources/postgres/properties.ts";
import { mayBeForSearchPath, searchPathIn } from "../../../sources/postgres/search-path.ts";
import { withSettings, type PostgresServer } from "../../../sources/postgres/server.ts";
import { runSql, selectJson } from "../../../sources/postgres/sql.ts";
import { isOfEventTrigger, isOfExtension, subscriptionsIn, tableOfContents } from "../../../sources/postgres/toc.ts";
import { failpoint } from "../../../system/failpoint.ts";
import type { Tools } from "../../conduct/tools.ts";
import type { ReadyDatabase } from "./prepare.ts";

/** How a dump has to be loaded beside the live database. */
export interface LoadPlan {
  /** The server, whose sessions fire no event trigger where it can be told so. */
  readonly quiet: PostgresServer;
  /** File for `--use-list`; undefined: all of the dump. */
  readonly list?: string;
  /** File for `--use-list` of what can be loaded only once the database has its name; undefined: nothing. */
  readonly lateList?: string;
  /** Written names of those that are not restored. */
  readonly subscriptions: readonly string[];
}

/** Reads what is in the dump, and decides. Rejects if this image's pg_restore is too old for what has to be done. */
export async function planLoad(
  { on, name, server, recorded, dump }: ReadyDatabase,
  from: string,
  signal: AbortSignal,
): Promise<LoadPlan> {
  const toc = await tableOfContents(dump, signal);
  const subscriptions = subscriptionsIn(toc);
  const bound = boundToName(recorded.extensions);
  const [triggers, others] = parted(toc.entries, isOfEventTrigger);
  const isLate = (entry: string) => bound.some(({ extension, schema }) => isOfExtension(entry, extension, schema));
  const [late, early] = parted(others, isLate);
  const quiet = triggers.length > 0 && (await canBeQuiet(on, from, signal)) ? QUIET : undefined;
  const plan = { quiet: quiet ? withSettings(on, quiet) : on, subscriptions };
  // Behind the triggers, pg_dump has the filling of materialized views, at which they fire.
  if (late.length === 0 && (quiet || triggers.length === 0)) return plan;
  if (dump.reader) {
    throw new LifeboatError("failed", `the dump of '${server}/${name}' cannot be loaded by parts`, {
      hint: "It is of a newer PostgreSQL than this image has the programs of: use a newer image. Nothing was touched.",
    });
  }
  const list = `${dump.path}.list`;
  await writeFile(list, [...early, ...triggers, ""].join("\n"));
  if (late.length === 0) return { ...plan, list };
  const lateList = `${dump.path}.late.list`;
  await writeFile(lateList, [...late, ""].join("\n"));
  return { ...plan, list, lateList };
}

const QUIET = { event_triggers: "off" };

function parted(entries: readonly string[], is: (entry: string) => boolean): readonly [string[], string[]] {
  return [entries.filter(is), entries.filter((one) => !is(one))];
}

/** Servers know the setting from 17 on, and let superusers have it. */
async function canBeQuiet(on: PostgresServer, from: string, signal: AbortSignal): Promise<boolean> {
  const sql = `SELECT to_json(rolsuper AND EXISTS (SELECT FROM pg_catalog.pg_settings WHERE name = 'event_triggers'))
    FROM pg_catalog.pg_roles WHERE rolname = current_user;`;
  return (await selectJson(on, from, sql, signal)) as boolean;
}

/**
 * Makes the database `fresh`, like the recorded one, and loads the dump into it. Where functions do not find their
 * helpers, as a dump has them look nowhere, it is done once more with the search_path of the applications.
 */
export async function loadBeside(
  { on, name, server, recorded, dump }: ReadyDatabase,
  { fresh, from }: { readonly fresh: string; readonly from: string },
  { quiet, list }: LoadPlan,
  onProgress: (bytes: number) => void,
  { clock, log }: Pick<Tools, "clock" | "log">,
  signal: AbortSignal,
): Promise<void> {
  const { owner, extensions } = recorded;
  const make = async () => {
    await createDatabaseLike(on, { name: fresh, like: recorded, owner, from }, signal);
    await failpoint("in-place:database-made", signal);
  };
  const loader = withSettings(quiet, settingsToLoad(extensions));
  // Subscriptions: one that is made again would stand in the way of dropping the database, and copy what nobody chose.
  const load: Load = {
    database: fresh,
    path: dump.path,
    args: ["--no-subscriptions"],
    onProgress,
    ...(list ? { list } : {}),
  };
  await make();
  try {
    await loadDump(loader, load, signal);
  } catch (error) {
    signal.throwIfAborted();
    for (const bound of boundToName(extensions)) refuseDependence(error, bound, name);
    if (!mayBeForSearchPath(error)) throw error;
    const properties = await databaseProperties(dump, fresh, signal);
    if (properties) await runSql(on, from, { what: `give '${fresh}' its settings`, sql: properties }, signal);
    const searchPath = await searchPathIn((sql) => selectJson(quiet, fresh, sql, signal), owner);
    await dropDatabase(on, { name: fresh, from }, clock, signal);
    await make();
    await loadDump(loader, { ...load, searchPath }, signal).catch((again: unknown) => {
      signal.throwIfAborted();
      throw notFound(error, again, searchPath);
    });
    log.info("functions of the database look for others by search_path; it was loaded with that of its applications", {
      database: `${server}/${name}`,
      searchPath,
    });
  }
  const sql = sqlAfterLoad(extensions);
  if (sql) await runSql(quiet, fresh, { what: `end the loading of '${fresh}'`, sql }, signal);
}

/** What is made later cannot be used before. */
function refuseDependence(
  error: unknown,
  { extension, schema }: { readonly extension: string; readonly schema: string },
  name: string,
): void {
  const said = describeError(error);
  if (!new RegExp(`\\b${schema}\\b.*does not exist`).test(said)) return;
  throw new LifeboatError("failed", said, {
    cause: error,
    hint:
      `Something in it needs extension '${extension}', which only a database named '${name}' can have, not one beside it. ` +
      `Load this dump by hand, into an empty database of that name (docs/how-to/postgres.md). Nothing was touched.`,
  });
}

function notFound(first: unknown, again: unknown, searchPath: string): LifeboatError {
  return new LifeboatError("failed", describeError(first), {
    cause: again,
    hint:
      `Is it there, in a schema of its own? Then a function looks for it by a search_path that is not set for the ` +
      `database or its owner: it is not in ${searchPath}. Load this dump by hand with the right one (docs/how-to/postgres.md); ` +
      "for the next, ALTER FUNCTION … SET search_path = …. Nothing was touched.",
  });
}
