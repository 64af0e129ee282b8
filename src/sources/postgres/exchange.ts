import { LifeboatError } from "../../errors.ts";
import type { Clock } from "../../system/clock.ts";
import { vantagePoint } from "./load.ts";
import type { PostgresServer } from "./server.ts";
import { endSessions } from "./sessions.ts";
import { identifier, literal } from "./sql.ts";

/** A database that takes the name of another, which goes aside. Object ids tell which is which, whatever their names. */
export interface Exchange {
  /** The name it is about. */
  readonly name: string;
  /** What the new one is called before, and the name it gets back. */
  readonly fresh: string;
  /** What the old one is called after. */
  readonly old: string;
  /** Null: there was no database of that name. */
  readonly oldId: number | null;
  /** The old one let someone in. */
  readonly oldWasOpen: boolean;
  readonly freshId: number;
}

/** What is on the server now of the databases of that name. Rejects if the new one is not there. */
export async function identify(
  server: PostgresServer,
  { name, fresh }: { readonly name: string; readonly fresh: string },
  signal: AbortSignal,
): Promise<Pick<Exchange, "oldId" | "oldWasOpen" | "freshId">> {
  const from = await vantagePoint(server, [name, fresh], signal);
  const sql = `SELECT coalesce(json_object_agg(datname, json_build_array(oid::bigint, datallowconn)), '{}')
    FROM pg_catalog.pg_database WHERE datname IN (${literal(name)}, ${literal(fresh)})`;
  const found = (await server.ask(from, sql, signal)) as Record<string, [number, boolean]>;
  const [freshId] = found[fresh] ?? [];
  if (freshId === undefined) {
    throw new LifeboatError("failed", `database '${fresh}', made for the restore, is gone from '${server.name}'`);
  }
  const [oldId, oldWasOpen] = found[name] ?? [null, true];
  return { oldId, oldWasOpen, freshId };
}

/**
 * Gives the new databases of a server the names of the old ones, all in one transaction. Sessions in either end first.
 * The old ones let nobody in any more. Where it has been done already nothing happens.
 */
export async function exchange(
  server: PostgresServer,
  all: readonly Exchange[],
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const from = await vantagePoint(server, all.flatMap(namesOf), signal);
  const names = await namesNow(server, from, all, signal);
  const left = all.filter(({ freshId, name }) => names.get(freshId) !== name);
  if (left.length === 0) return;
  const steps = left.flatMap(({ name, fresh, old, oldId }) => [
    ...(oldId === null ? [] : [renaming(name, old)]),
    renaming(fresh, name),
    opening(name),
  ]);
  const databases = left.flatMap(({ name, fresh }) => [name, fresh]);
  await endSessions(server, { databases, from }, inOneGo("swap the names of databases", steps), clock, signal);
}

/**
 * The old databases get their names back and let in who was let in before, from wherever `exchange` or an earlier call
 * stopped; the new ones are called what they were before, and let nobody in. May be called again and again.
 */
export async function putNamesBack(
  server: PostgresServer,
  all: readonly Exchange[],
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const from = await vantagePoint(server, all.flatMap(namesOf), signal);
  const names = await namesNow(server, from, all, signal);
  const closed: string[] = [];
  const steps = all.flatMap(({ name, fresh, oldId, freshId, oldWasOpen }) => {
    const oldName = oldId === null ? undefined : names.get(oldId);
    if (oldId !== null && oldName === undefined) throw gone(name, server);
    const isNamed = names.get(freshId) === name;
    if (isNamed) closed.push(name);
    return [
      ...(isNamed ? [renaming(name, fresh)] : []),
      ...(oldName === undefined || oldName === name ? [] : [renaming(oldName, name)]),
      ...(oldId !== null && oldWasOpen ? [opening(name)] : []),
    ];
  });
  const act = inOneGo("put the names of databases back", steps);
  if (steps.length > 0) await endSessions(server, { databases: closed, from }, act, clock, signal);
}

function namesOf({ name, fresh, old }: Exchange): readonly string[] {
  return [name, fresh, old];
}

/** Names by object id. */
async function namesNow(
  server: PostgresServer,
  from: string,
  all: readonly Exchange[],
  signal: AbortSignal,
): Promise<ReadonlyMap<number, string>> {
  const ids = all.flatMap(({ oldId, freshId }) => [freshId, ...(oldId === null ? [] : [oldId])]);
  const sql = `SELECT coalesce(json_agg(json_build_array(oid::bigint, datname)), '[]')
    FROM pg_catalog.pg_database WHERE oid IN (${ids.join(", ")})`;
  return new Map((await server.ask(from, sql, signal)) as [number, string][]);
}

function renaming(from: string, to: string): string {
  return `ALTER DATABASE ${identifier(from)} RENAME TO ${identifier(to)};`;
}

function opening(name: string): string {
  return `ALTER DATABASE ${identifier(name)} ALLOW_CONNECTIONS true;`;
}

function inOneGo(what: string, steps: readonly string[]) {
  return { what, sql: ["BEGIN;", ...steps, "COMMIT;"].join("\n") };
}

function gone(name: string, server: PostgresServer): LifeboatError {
  return new LifeboatError("failed", `the old database '${name}' is gone from PostgreSQL server '${server.name}'`, {
    hint: "Another server under that name? If it is really gone, remove 'in-place.json' from the state folder, and restore again.",
  });
}
