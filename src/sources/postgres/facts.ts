import type { PostgresServer } from "./server.ts";

/** What holds for a whole server. */
export interface ServerFacts {
  /** "18.6 (Debian 18.6-3)" */
  readonly version: string;
  /** 180006 */
  readonly versionNumber: number;
  /** A standby: it may be dumped, and is as old as its replay. */
  readonly inRecovery: boolean;
  /** The user may read the hashes of passwords. */
  readonly readsPasswords: boolean;
  /** All that are not templates and let someone in. */
  readonly databases: readonly { readonly name: string; readonly sizeBytes: number }[];
}

export async function serverFacts(server: PostgresServer, signal: AbortSignal): Promise<ServerFacts> {
  return (await server.ask(server.entrance, SERVER, signal)) as ServerFacts;
}

/** A database whose size the user may not know is taken for empty. datconnlimit -2: a DROP DATABASE that was cut off. */
const SERVER = `
SELECT json_build_object(
  'version', current_setting('server_version'),
  'versionNumber', current_setting('server_version_num')::int,
  'inRecovery', pg_is_in_recovery(),
  'readsPasswords', has_table_privilege('pg_catalog.pg_authid', 'SELECT'),
  'databases', (
    SELECT coalesce(json_agg(json_build_object('name', datname, 'sizeBytes', CASE
      WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) ELSE 0 END) ORDER BY datname), '[]')
    FROM pg_catalog.pg_database WHERE NOT datistemplate AND datallowconn AND datconnlimit <> -2))`;

/** What holds for one database; recorded, to be compared with what a restore gives. */
export interface DatabaseFacts {
  readonly owner: string;
  readonly encoding: string;
  readonly collate: string;
  readonly ctype: string;
  /** "c" libc, "i" ICU, "b" builtin. */
  readonly localeProvider: string;
  /** ICU's or the builtin provider's own locale. */
  readonly locale: string | null;
  /** More rules for ICU's order, from 16 on. */
  readonly icuRules: string | null;
  /** Where it lies on the server, and what is made in it. */
  readonly tablespace: string;
  readonly sizeBytes: number;
  /** Name to version. */
  readonly extensions: Readonly<Record<string, string>>;
  /** That a dump has: not those of extensions. */
  readonly eventTriggers: number;
  readonly largeObjects: number;
  readonly tableCount: number;
  /** The largest of them. `rows` and `sizeBytes` are what the last ANALYZE or VACUUM has found; -1 rows: there was none. */
  readonly tables: readonly { readonly name: string; readonly rows: number; readonly sizeBytes: number }[];
}

export async function databaseFacts(
  server: PostgresServer,
  database: string,
  signal: AbortSignal,
): Promise<DatabaseFacts> {
  return (await server.ask(database, DATABASE, signal)) as DatabaseFacts;
}

/** Receipts are small; nobody compares the estimates of thousands of tables. */
const MAX_TABLES = 200;
const MAX_EXTENSIONS = 200;

/** Nothing here waits for a lock on a table, as pg_table_size does. to_jsonb instead of the columns' names: they came and went with the versions. */
const DATABASE = `
WITH tables AS (
  SELECT format('%I.%I', nspname, relname) AS name, reltuples::bigint AS rows,
    relpages::bigint * current_setting('block_size')::int AS "sizeBytes"
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace
  WHERE relkind = 'r' AND nspname NOT IN ('pg_catalog', 'information_schema') AND relpersistence <> 't'
)
SELECT json_build_object(
  'owner', pg_get_userbyid(datdba),
  'encoding', pg_encoding_to_char(encoding),
  'collate', datcollate,
  'ctype', datctype,
  'localeProvider', coalesce(to_jsonb(d) ->> 'datlocprovider', 'c'),
  'locale', coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'),
  'icuRules', to_jsonb(d) ->> 'daticurules',
  'tablespace', (SELECT spcname FROM pg_catalog.pg_tablespace t WHERE t.oid = dattablespace),
  'sizeBytes', pg_database_size(oid),
  'extensions', (SELECT coalesce(json_object_agg(extname, extversion), '{}')
    FROM (SELECT extname, extversion FROM pg_catalog.pg_extension ORDER BY extname LIMIT ${MAX_EXTENSIONS}) AS e),
  'eventTriggers', (SELECT count(*) FROM pg_catalog.pg_event_trigger t WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend
    WHERE classid = 'pg_catalog.pg_event_trigger'::regclass AND objid = t.oid AND deptype = 'e')),
  'largeObjects', (SELECT count(*) FROM pg_catalog.pg_largeobject_metadata),
  'tableCount', (SELECT count(*) FROM tables),
  'tables', (SELECT coalesce(json_agg(t), '[]')
    FROM (SELECT * FROM tables ORDER BY "sizeBytes" DESC, name LIMIT ${MAX_TABLES}) AS t))
FROM pg_catalog.pg_database d WHERE datname = current_database()`;
