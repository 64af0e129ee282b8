import { searchPathIn } from "./search-path.ts";
import type { PostgresServer } from "./server.ts";
import { literal } from "./sql.ts";
import { nameOf } from "./statements.ts";

/**
 * Sentences about functions that a load of the database's dump would call, and that find another one by a search_path
 * which only the applications know: such a dump does not load by itself. Looks at catalogs alone, and calls nothing.
 */
export async function lostNames(
  server: PostgresServer,
  database: string,
  owner: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const ask = (sql: string) => server.ask(database, sql, signal);
  const path = await searchPathIn(ask, owner);
  const schemas = [...path.matchAll(/"(?:[^"]|"")*"|[^",\s]+/g)].map(([written]) => nameOf(written));
  return ((await ask(lost(schemas))) as [string, string, string][]).map(
    ([caller, name, schema]) =>
      `its dump does not load by itself: function ${caller} calls ${name}() of schema ${schema}, and neither the database ` +
      `nor its owner has that in search_path: ALTER FUNCTION ${caller} SET search_path = … (docs/how-to/postgres.md)`,
  );
}

const MAX_SENTENCES = 10;

/** Called at a load: by generated columns, constraints (of domains, too), indexes and materialized views. */
const CALLED = `
  SELECT DISTINCT refobjid AS oid FROM pg_catalog.pg_depend d WHERE refclassid = 'pg_catalog.pg_proc'::regclass AND (
    (classid = 'pg_catalog.pg_attrdef'::regclass AND EXISTS (SELECT FROM pg_catalog.pg_attrdef a JOIN pg_catalog.pg_attribute t
      ON t.attrelid = adrelid AND attnum = adnum WHERE a.oid = objid AND coalesce(to_jsonb(t) ->> 'attgenerated', '') <> ''))
    OR (classid = 'pg_catalog.pg_constraint'::regclass
      AND EXISTS (SELECT FROM pg_catalog.pg_constraint c WHERE c.oid = objid AND contype = 'c'))
    OR (classid = 'pg_catalog.pg_class'::regclass
      AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = objid AND relkind IN ('i', 'I')))
    OR (classid = 'pg_catalog.pg_rewrite'::regclass AND EXISTS (SELECT FROM pg_catalog.pg_rewrite r
      JOIN pg_catalog.pg_class c ON c.oid = ev_class WHERE r.oid = objid AND relkind = 'm')))`;

/** A name, and no more than blanks before a parenthesis, not behind a schema's dot: a call. */
function lost(schemas: readonly string[]): string {
  const known = `ARRAY[${schemas.map(literal).join(", ")}]::name[]`;
  return `
SELECT coalesce(json_agg(found ORDER BY found::text), '[]') FROM (
  SELECT DISTINCT ON (f.oid) json_build_array(f.oid::regprocedure, g.proname, n.nspname) AS found
  FROM (${CALLED}) AS called JOIN pg_catalog.pg_proc f USING (oid) JOIN pg_catalog.pg_language l ON l.oid = f.prolang
  JOIN pg_catalog.pg_proc g ON f.prosrc ~*
    ('(^|[^.[:alnum:]_"])' || regexp_replace(g.proname, '([^[:alnum:]_])', '[\\1]', 'g') || '[[:space:]]*[(]')
  JOIN pg_catalog.pg_namespace n ON n.oid = g.pronamespace
  WHERE lanname NOT IN ('internal', 'c') AND n.nspname <> 'pg_catalog' AND NOT n.nspname = ANY (${known})
    AND NOT EXISTS (SELECT FROM unnest(f.proconfig) AS one WHERE one LIKE 'search_path=%')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_proc o JOIN pg_catalog.pg_namespace m ON m.oid = o.pronamespace
      WHERE o.proname = g.proname AND (m.nspname = 'pg_catalog' OR m.nspname = ANY (${known})))
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend
      WHERE classid = 'pg_catalog.pg_proc'::regclass AND objid = f.oid AND deptype = 'e')
  ORDER BY f.oid LIMIT ${MAX_SENTENCES}) AS s;`;
}
