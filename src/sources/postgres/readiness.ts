import { LifeboatError } from "../../errors.ts";
import { TELLING_SETTINGS, unmetNeeds } from "./extensions.ts";
import { vantagePoint, type RecordedDatabase } from "./load.ts";
import type { PostgresServer } from "./server.ts";
import { literal, selectJson } from "./sql.ts";
import { majorOf } from "./survey.ts";

/** A server that databases are to be restored on. */
export interface Standing {
  readonly version: string;
  readonly versionNumber: number;
  readonly inRecovery: boolean;
  /** The user may make databases. */
  readonly mayCreate: boolean;
  readonly roles: readonly string[];
  /** Names of all that can be installed. */
  readonly extensions: readonly string[];
  /** Those that extensions depend on; known to superusers alone. */
  readonly settings: Readonly<Record<string, string>>;
  /** Those asked for that are there. */
  readonly databases: readonly StandingDatabase[];
}

export interface StandingDatabase {
  readonly name: string;
  readonly sizeBytes: number;
  /** What keeps it from being renamed and dropped, in words. */
  readonly obstacles: readonly string[];
}

export async function standingOf(
  server: PostgresServer,
  databases: readonly string[],
  signal: AbortSignal,
): Promise<Standing> {
  const from = await vantagePoint(server, databases, signal);
  return (await selectJson(server, from, standing(databases), signal)) as Standing;
}

function standing(databases: readonly string[]): string {
  return `
SELECT json_build_object(
  'version', current_setting('server_version'),
  'versionNumber', current_setting('server_version_num')::int,
  'inRecovery', pg_is_in_recovery(),
  'mayCreate', (SELECT rolsuper OR rolcreatedb FROM pg_catalog.pg_roles WHERE rolname = current_user),
  'roles', (SELECT json_agg(rolname) FROM pg_catalog.pg_roles),
  'extensions', (SELECT coalesce(json_agg(name), '[]') FROM pg_catalog.pg_available_extensions),
  'settings', (SELECT coalesce(json_object_agg(name, setting) FILTER (WHERE setting IS NOT NULL), '{}')
    FROM (SELECT name, CASE WHEN rolsuper THEN current_setting(name, true) END AS setting
      FROM unnest(ARRAY[${TELLING_SETTINGS.map(literal).join(", ")}]) AS name, pg_catalog.pg_roles WHERE rolname = current_user) AS s),
  'databases', (SELECT coalesce(json_agg(json_build_object('name', datname,
    'sizeBytes', CASE WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) ELSE 0 END,
    'obstacles', (SELECT coalesce(json_agg(said), '[]') FROM (
      SELECT 'a prepared transaction' AS said FROM pg_catalog.pg_prepared_xacts WHERE database = datname
      UNION SELECT 'a replication slot' FROM pg_catalog.pg_replication_slots WHERE database = datname
      UNION SELECT 'a subscription' FROM pg_catalog.pg_subscription WHERE subdbid = d.oid
      UNION SELECT 'a mark as template' WHERE datistemplate) AS o))), '[]')
    FROM pg_catalog.pg_database d WHERE datname IN (${databases.map(literal).join(", ")})));`;
}

/** Throws what stands in the way of restoring `recorded` databases (by name), all of it at once. */
export function refuseUnready(
  { name: server, user }: PostgresServer,
  standing: Standing,
  recorded: ReadonlyMap<string, RecordedDatabase>,
): void {
  const problems: string[] = [];
  for (const [name, { versionNumber, version, extensions }] of recorded) {
    if (majorOf({ versionNumber }) > majorOf(standing)) {
      problems.push(
        `'${name}' was saved from PostgreSQL ${version}, and the server is older: ${standing.version}; it needs ` +
          `${majorOf({ versionNumber })} or newer`,
      );
    }
    const missing = Object.keys(extensions).filter((one) => !standing.extensions.includes(one));
    if (missing.length > 0) {
      problems.push(
        `the server does not have the extensions of '${name}': ${missing.map((one) => `'${one}'`).join(", ")}`,
      );
    } else {
      problems.push(...unmetNeeds(name, extensions, standing.settings));
    }
  }
  for (const { name, obstacles } of standing.databases) {
    if (obstacles.length > 0)
      problems.push(`'${name}' cannot be renamed and dropped, as it has ${obstacles.join(", ")}`);
  }
  if (standing.inRecovery) problems.push("the server is a standby, which takes no changes");
  if (!standing.mayCreate) problems.push(`user '${user}' may not make databases`);
  if (problems.length === 0) return;
  throw new LifeboatError(
    "failed",
    `PostgreSQL server '${server}' is not ready for the restore: ${problems.join("; ")}`,
    {
      hint: standing.mayCreate
        ? "Nothing was touched. Or leave the databases out: name with --only what shall be restored."
        : "Nothing was touched. Give the restore a superuser, in BACKUP_POSTGRES or by the label lifeboat.postgres.user.",
    },
  );
}
