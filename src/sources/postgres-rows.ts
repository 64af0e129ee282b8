import { LifeboatError } from "../errors.ts";
import { explained, PostgresError } from "./postgres/failure.ts";
import type { RecordedDatabase } from "./postgres/load.ts";
import { copyChosen, readsMore, type ChosenRows } from "./postgres/rows/choose.ts";
import type { Described } from "./postgres/rows/describe.ts";
import { requireClosed } from "./postgres/rows/expression.ts";
import { heldIn, loadDefinitions, loadRows, type Loading } from "./postgres/rows/load-tables.ts";
import { qualified, titleOf } from "./postgres/rows/names.ts";
import { openSession } from "./postgres/rows/session.ts";
import { SqlError } from "./postgres/rows/sql-error.ts";
import { requireTable, requireWritableTable, sharedTable, type SharedTable } from "./postgres/rows/table.ts";
import type { PostgresServer } from "./postgres/server.ts";
import { enter, majorOf } from "./postgres/survey.ts";
import type { RowWish } from "./rows.ts";

export type { ChosenRows } from "./postgres/rows/choose.ts";
export { writeRows } from "./postgres/rows/write.ts";

/** The live tables of the wishes, and how their database writes text. */
export interface LiveTables {
  readonly tables: readonly { readonly wish: RowWish; readonly live: Described }[];
  readonly encoding: string;
}

/** A live database to write rows into. */
export interface LiveDatabase {
  readonly server: PostgresServer;
  readonly database: string;
  /** How long a statement waits for a lock. */
  readonly lockWaitMs: number;
}

/**
 * Rejects if the server cannot take rows of a database that was recorded so, or its user may make no database beside it:
 * with "not-found" if there is no such database, else with what has to be done.
 */
export async function requireAbleServer(
  { server, database }: LiveDatabase,
  recorded: RecordedDatabase,
  signal: AbortSignal,
): Promise<void> {
  const { facts, server: entered } = await enter(server, signal);
  const { name, user } = server;
  if (!facts.databases.some((one) => one.name === database)) {
    const others = facts.databases.map((one) => `'${one.name}'`).join(", ");
    throw new LifeboatError("not-found", `PostgreSQL server '${name}' has no database '${database}'`, {
      hint: `Rows are restored into a database that is there. It has ${others || "none that lets anyone in"}.`,
    });
  }
  if (facts.inRecovery) {
    throw new PostgresError(`PostgreSQL server '${name}' is a standby, which nobody can write to`, {
      hint: "Restore into its primary.",
    });
  }
  if (majorOf(facts) < majorOf(recorded)) {
    throw new PostgresError(
      `PostgreSQL server '${name}' has version ${facts.version}, older than ${recorded.version}, of which the dump is`,
      { hint: "Dumps load into the same major or a newer one." },
    );
  }
  const mayCreate = "SELECT to_json(rolcreatedb OR rolsuper) FROM pg_catalog.pg_roles WHERE rolname = current_user";
  if (await server.ask(entered.entrance, mayCreate, signal)) return;
  throw new PostgresError(`user '${user}' of PostgreSQL server '${name}' may not create databases`, {
    hint:
      "The dump is loaded into a database of its own first. Give this one command a user who may write the rows and " +
      "has CREATEDB (docs/how-to/restore-rows-postgres.md).",
  });
}

/** Rejects with "not-found" or "usage" for tables whose rows cannot be restored, before anything is fetched. */
export async function lookAtTables(
  { server, database, lockWaitMs }: LiveDatabase,
  wishes: readonly RowWish[],
  options: { readonly fireTriggers: boolean },
  signal: AbortSignal,
): Promise<LiveTables> {
  for (const { table, where } of wishes) if (where.kind === "expression") requireClosed(table, where.sql);
  await using session = await openSession(server, database, lockWaitMs, signal);
  const tables: { readonly wish: RowWish; readonly live: Described }[] = [];
  for (const wish of wishes) {
    const live = await requireTable(session, wish.table, "the live database");
    requireWritableTable(live, options);
    if (tables.some((other) => qualified(other.live) === qualified(live))) {
      throw new LifeboatError("usage", `table '${titleOf(live)}' is named twice`, {
        hint: "Join the two conditions with OR.",
      });
    }
    tables.push({ wish, live });
  }
  return { tables, encoding: session.encoding };
}

/**
 * Loads from a dump what the wishes are about into an empty database, and copies the wanted rows to files in `folder`,
 * which is private. The operator's conditions are run there alone. Rejects with "usage" or "not-found" for what cannot
 * be chosen.
 */
export async function chooseRows(
  loading: Loading & { readonly lockWaitMs: number; readonly folder: string },
  live: LiveTables,
  signal: AbortSignal,
): Promise<readonly ChosenRows[]> {
  const { server, database } = loading;
  await loadDefinitions(loading, signal);
  try {
    await using scratch = await openSession(server, database, loading.lockWaitMs, signal);
    const tables: { readonly wish: RowWish; readonly backup: Described; readonly table: SharedTable }[] = [];
    for (const { wish, live: table } of live.tables) {
      const backup = await requireTable(scratch, qualified(table), "the backup");
      tables.push({ wish, backup, table: sharedTable(table, backup) });
    }
    const isMore = await readsMore(scratch, tables);
    const held = [];
    for (const { backup } of tables) held.push(...(await heldIn(scratch, backup)));
    await loadRows(loading, isMore ? "all" : held, signal);
    return await copyChosen(scratch, tables, live.encoding, loading.folder);
  } catch (error) {
    throw error instanceof SqlError ? explained(error, `choose rows in database '${database}'`, server) : error;
  }
}
